package com.cape.worker.worker;

import com.cape.worker.ending.EndingRules;
import com.cape.worker.issue.Pacing;
import com.cape.worker.issue.RetryPolicy;

/**
 * What follows the end of a run.
 *
 * @param account the provider account whose limits the runs meet
 * @param rules by which an output says why a run has ended
 */
public record EndingPlan(String account, EndingRules rules, RetryPolicy retries, Pacing pacing) {}
