package com.cape.worker.worker;

import com.cape.worker.issue.RetryPolicy;

/** What a worker is to do. */
public record WorkerPlan(RunPlan run, LoopPlan loop, RetryPolicy retries) {}
