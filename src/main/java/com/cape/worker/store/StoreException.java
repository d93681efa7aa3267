package com.cape.worker.store;

/** The database did not do what was asked of it. */
public final class StoreException extends RuntimeException {
  private final String sqlState;

  StoreException(String message, String sqlState, Throwable cause) {
    super(message, cause);
    this.sqlState = sqlState;
  }

  /** PostgreSQL's five characters; empty when none came. */
  public String sqlState() {
    return sqlState;
  }
}
