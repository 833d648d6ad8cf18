/**
 * The load generator: hand-written HTTP/1.1 over bare sockets in a process of its own, so that its garbage and its
 * event loop do not disturb the server's, and what it costs is known. Closed and open loop; failures and unfinished
 * requests are counted. Runs go one at a time.
 *
 *   await using generator = openLoadGenerator();
 *   const outcome = await generator.run({ host, port, path: "/", ... });
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { LoadOutcome, LoadPlan } from "./load/load-plan.ts";

export type { ArrivalPlan, LoadOutcome, LoadPlan, RequestPlan } from "./load/load-plan.ts";

export interface LoadGenerator extends AsyncDisposable {
  run(plan: LoadPlan): Promise<LoadOutcome>;
}

interface Reply {
  readonly outcome?: LoadOutcome;
  readonly problem?: string;
}

export function openLoadGenerator(): LoadGenerator {
  const child = fork(fileURLToPath(new URL("./load/generator-process.ts", import.meta.url)), { execArgv: ["--conditions=source"] });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return {
    run: (plan) => new Promise((resolve, reject) => {
      void ended.then((code) => reject(new Error(`the load generator ended with code ${code}`)));
      child.once("message", ({ outcome, problem }: Reply) => { // its process sends nothing else
        if (outcome) resolve(outcome);
        else reject(new Error(`the load generator failed: ${problem}`));
      });
      child.send(plan);
    }),
    [Symbol.asyncDispose]: async () => {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
