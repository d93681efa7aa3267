package com.cape.worker.worker;

import com.cape.worker.config.CommandTemplate;
import com.cape.worker.host.CommandCheck;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;

/**
 * What all runs of a worker have in common.
 *
 * @param check of the template's program
 * @param declared variables that a workflow gets on top of the worker's own
 * @param withheld names of the worker's variables that a workflow does not get
 * @param directory absolute; where the command runs
 * @param issueLogs absolute folder of the attempts' log files
 * @param keep whether runs go on when the worker is gone, for its next process
 * @param runs absolute folder of the live runs' own files
 */
public record RunPlan(
    CommandTemplate template,
    CommandCheck check,
    Map<String, String> declared,
    Set<String> withheld,
    Path directory,
    Path issueLogs,
    Path runs,
    long outputLimitBytes,
    Duration timeout,
    Duration grace,
    boolean keep) {}
