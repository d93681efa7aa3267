package com.cape.worker.store.operator;

/** What became of a change that somebody asked for. */
public interface ChangeResult {
  /** Whether the issue is now as it was wanted. */
  boolean done();

  /** The same in a sentence. */
  String text(long id);

  String name();
}
