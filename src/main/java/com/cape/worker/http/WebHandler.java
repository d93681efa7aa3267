package com.cape.worker.http;

/** Answers requests, from several threads at once. */
@FunctionalInterface
public interface WebHandler {
  WebResponse answer(WebRequest request);
}
