package com.cape.worker.config;

import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What psql calls a connection parameter, and what the driver calls it. */
final class LibpqParameters {
  private static final Map<String, String> NAMES =
      Map.of(
          "connect_timeout", "connectTimeout",
          "application_name", "ApplicationName",
          "target_session_attrs", "targetServerType",
          "channel_binding", "channelBinding",
          "gssencmode", "gssEncMode",
          "krbsrvname", "kerberosServerName",
          "sslnegotiation", "sslNegotiation",
          "require_auth", "requireAuth");
  private static final Map<String, String> SERVERS =
      Map.of(
          "any", "any",
          "read-write", "primary",
          "primary", "primary",
          "read-only", "secondary",
          "standby", "secondary",
          "prefer-standby", "preferSecondary");
  private static final Set<String> SSL_MODES =
      Set.of("disable", "allow", "prefer", "require", "verify-ca", "verify-full");
  private static final Set<String> CHANNEL_BINDINGS = Set.of("disable", "prefer", "require");

  private LibpqParameters() {}

  /** Throws IllegalArgumentException for a value that psql would refuse as well. */
  static void translate(Map<String, String> parameters) {
    check(parameters, "sslmode", SSL_MODES);
    check(parameters, "channel_binding", CHANNEL_BINDINGS);
    check(parameters, "target_session_attrs", SERVERS.keySet());
    certificate(parameters);
    parameters.computeIfPresent("target_session_attrs", (name, value) -> SERVERS.get(value));
    if (!parameters.getOrDefault("connect_timeout", "0").matches("\\d{1,5}")) {
      throw new IllegalArgumentException("connect_timeout has to be a whole number of seconds");
    }
    NAMES.forEach(
        (theirs, ours) ->
            Optional.ofNullable(parameters.remove(theirs))
                .ifPresent(value -> parameters.put(ours, value)));
  }

  private static void certificate(Map<String, String> parameters) {
    String root = parameters.getOrDefault("sslrootcert", "");
    if (root.equals("system")) {
      parameters.remove("sslrootcert");
      parameters.put("sslmode", "verify-full");
      parameters.put("sslfactory", "org.postgresql.ssl.DefaultJavaSSLFactory");
    } else if (!root.isEmpty() && "require".equals(parameters.get("sslmode"))) {
      // As psql does.
      parameters.put("sslmode", "verify-ca");
    }
  }

  private static void check(Map<String, String> parameters, String name, Set<String> allowed) {
    if (parameters.containsKey(name) && !allowed.contains(parameters.get(name))) {
      throw new IllegalArgumentException(
          "%s has to be one of %s"
              .formatted(name, String.join(", ", allowed.stream().sorted().toList())));
    }
  }
}
