package com.cape.worker.run;

/**
 * The end of what a run has printed.
 *
 * @param tail for people, with secrets masked; at most {@link OutputTail#LIMIT_BYTES}
 * @param raw at most 64 KiB as they were printed, for what recognises why a run has ended
 */
public record RunOutput(String tail, String raw) {
  public static final RunOutput NONE = new RunOutput("", "");
}
