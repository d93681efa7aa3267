package com.cape.worker.worker;

import com.cape.worker.config.CommandTemplate;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;

/**
 * What all runs of a worker have in common.
 *
 * @param program the absolute path, or the path relative to the directory, of the template's
 *     program
 * @param withheld names of the worker's variables that a workflow does not get
 * @param issueLogs absolute folder of the attempts' log files
 * @param runs absolute folder of the live runs' own files
 */
public record RunPlan(
    CommandTemplate template,
    String program,
    Set<String> withheld,
    Path directory,
    Path issueLogs,
    Path runs,
    long outputLimitBytes,
    Duration timeout,
    Duration grace) {}
