package com.cape.bench;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import javax.sql.DataSource;

/** A statement that the worker's store sent, with its parameters in order. */
record Recorded(String sql, List<Parameter> parameters) {

  /** A value, null included, and its type as PostgreSQL names it. */
  record Parameter(String type, Object value) {}

  /** What is run through it is passed on, and the list grows by each statement. */
  static DataSource recording(DataSource source, List<Recorded> into) {
    return proxy(
        DataSource.class,
        source,
        (method, arguments, result) ->
            result instanceof Connection connection ? recording(connection, into) : result);
  }

  private static Connection recording(Connection connection, List<Recorded> into) {
    return proxy(
        Connection.class,
        connection,
        (method, arguments, result) -> {
          if (!(result instanceof PreparedStatement statement)) {
            return result;
          }
          var recorded = new Recorded((String) arguments[0], new ArrayList<>());
          into.add(recorded);
          return proxy(
              PreparedStatement.class,
              statement,
              (setter, values, nothing) -> {
                recorded.add(setter, values);
                return nothing;
              });
        });
  }

  private void add(Method setter, Object[] values) {
    if (setter.getName().startsWith("set") && values.length > 1) {
      parameters.add(new Parameter(type(setter, values), values[1]));
    }
  }

  private static String type(Method setter, Object[] values) {
    return switch (setter.getName()) {
      case "setString" -> "varchar";
      case "setLong" -> "bigint";
      case "setInt" -> "int";
      case "setDouble" -> "float8";
      case "setBoolean" -> "boolean";
      case "setObject" -> values.length > 2 && values[2].equals(Types.INTEGER) ? "int" : "uuid";
      default -> throw new IllegalStateException("not known to the benchmark: " + setter);
    };
  }

  private interface After {
    Object changed(Method method, Object[] arguments, Object result);
  }

  private static <T> T proxy(Class<T> type, T target, After after) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (self, method, arguments) -> {
              try {
                return after.changed(method, arguments, method.invoke(target, arguments));
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            }));
  }
}
