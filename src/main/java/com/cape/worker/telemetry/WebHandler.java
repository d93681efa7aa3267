package com.cape.worker.telemetry;

/** Answers requests, from several threads at once. */
@FunctionalInterface
public interface WebHandler {
  WebResponse answer(WebRequest request);
}
