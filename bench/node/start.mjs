// Starts the program and resolves when it has ended with 0.
import { spawn } from "node:child_process";

export function start(program, ...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "ignore" });
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`exit ${code}`))));
  });
}
