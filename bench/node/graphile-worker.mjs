// graphile-worker, each of whose jobs runs a program: URL CONCURRENCY PROGRAM FILE
import { run } from "graphile-worker";
import { start } from "./start.mjs";

const [connectionString, concurrency, program, file] = process.argv.slice(2);
await run({
  connectionString,
  concurrency: Number(concurrency),
  taskList: { run: ({ id }) => start(program, file, String(id)) },
});
console.log("ready");
