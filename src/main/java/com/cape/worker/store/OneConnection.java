package com.cape.worker.store;

import java.sql.Connection;
import java.sql.SQLException;
import org.postgresql.ds.PGPooledConnection;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Returns the same connection again, and a new one after it has failed. For one thread, in a
 * process so short that a pool would take longer to start than to use.
 */
final class OneConnection extends PGSimpleDataSource implements AutoCloseable {
  private transient Connection physical;
  private transient PGPooledConnection handles;

  @Override
  public Connection getConnection() throws SQLException {
    if (physical == null || physical.isClosed()) {
      physical = super.getConnection();
      handles = new PGPooledConnection(physical, true);
    }
    return handles.getConnection();
  }

  @Override
  public void close() {
    if (physical == null) {
      return;
    }
    try {
      physical.close();
    } catch (SQLException e) {
      // It is not used again in any case.
    }
  }
}
