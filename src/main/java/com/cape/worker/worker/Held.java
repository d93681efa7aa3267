package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import java.time.Duration;

/**
 * A claim that this worker holds.
 *
 * @param since when the claim was about to be sent, on the {@link com.cape.worker.run.LeaseClock};
 *     its lease holds at least from then on
 */
record Held(Claim claim, Duration since) {}
