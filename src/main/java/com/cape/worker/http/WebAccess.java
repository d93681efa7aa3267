package com.cape.worker.http;

import java.util.Optional;

/** Decides whether a request is answered at all, before its body is read. */
@FunctionalInterface
public interface WebAccess {
  /** What is answered instead; empty when the request may pass. */
  Optional<WebResponse> refuse(WebRequest request);
}
