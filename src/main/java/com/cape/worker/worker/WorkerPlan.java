package com.cape.worker.worker;

/** What a worker is to do. */
public record WorkerPlan(RunPlan run, LoopPlan loop, EndingPlan endings) {}
