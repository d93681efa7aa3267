// pg-boss with notifications, each of whose jobs runs a program: URL CONCURRENCY PROGRAM FILE
import { PgBoss } from "pg-boss";
import { start } from "./start.mjs";

const [connectionString, concurrency, program, file] = process.argv.slice(2);
const boss = new PgBoss({ connectionString, useListenNotify: true });
boss.on("error", console.error);
boss.on("warning", console.error);
await boss.start();
await boss.createQueue("run", { notify: true });
for (let i = 0; i < Number(concurrency); i++) {
  const worker = await boss.work("run", async ([job]) => {
    await start(program, file, String(job.data.id));
    boss.notifyWorker(worker); // else it sleeps after each job, whatever waits
  });
}
console.log("ready");
