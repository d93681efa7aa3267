// graphile-worker in the simulated week: migrate URL, or run URL PROGRAM SCALE [waits]
import { run, runMigrations } from "graphile-worker";
import { start } from "./start.mjs";

const [task, connectionString, program, scale, waits] = process.argv.slice(2);
const MINUTE = 60_000;

if (task === "migrate") {
  await runMigrations({ connectionString });
} else {
  // Its defaults, as much faster as the week. With them a graceful shutdown does not wait until what
  // ended is recorded; it does for records that are sent in batches.
  const batches = waits ? { completeJobBatchDelay: 0, failJobBatchDelay: 0 } : {};
  await run({
    connectionString,
    concurrency: 1,
    pollInterval: Math.max(100, 2000 / scale),
    minResetLockedInterval: (8 * MINUTE) / scale,
    maxResetLockedInterval: (10 * MINUTE) / scale,
    preset: { worker: batches },
    taskList: { run: ({ id }) => start(program, String(id)) },
  });
}
