package com.cape.worker.config;

/** How much is logged; each level includes the ones after it. */
public enum LogLevel {
  DEBUG,
  INFO,
  WARNING,
  ERROR,
  CRITICAL
}
