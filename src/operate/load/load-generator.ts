/**
 * The load generator: HTTP/1.1, event streams and gRPC written for the purpose, in processes of their own, so that their
 * garbage and event loops disturb neither the server nor the caller, and what they cost is known. Closed and open loop;
 * failures and unfinished requests are counted. Runs go one at a time.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { StrataError } from "../../kernel/errors.ts";
import { outcomeOf } from "./load-outcome.ts";
import type { LoadOutcome, LoadRecord } from "./load-outcome.ts";
import type { LoadPlan } from "./load-plan.ts";
import type { LoadProgress } from "./load-progress.ts";
import { planShares } from "./plan-share.ts";

export interface LoadGeneratorOptions {
  /** Processes that share the load. Default 1. */
  readonly processes?: number;
}

export interface LoadRunCall {
  /** Called about four times a second; the counts are of all processes. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Ends sending; the outcome tells what was measured until then. */
  readonly signal?: AbortSignal;
}

export interface LoadGenerator extends AsyncDisposable {
  run(plan: LoadPlan, call?: LoadRunCall): Promise<LoadOutcome>;
}

export type GeneratorRequest = { readonly kind: "run"; readonly plan: LoadPlan; readonly worker: number } | { readonly kind: "stop" };

export type GeneratorReply =
  | { readonly kind: "progress"; readonly progress: LoadProgress }
  | { readonly kind: "record"; readonly record: LoadRecord }
  | { readonly kind: "problem"; readonly reason: string };

interface Worker {
  run(plan: LoadPlan, onProgress: (progress: LoadProgress) => void): Promise<LoadRecord>;
  stop(): void;
  close(): Promise<void>;
}

export function openLoadGenerator({ processes = 1 }: LoadGeneratorOptions = {}): LoadGenerator {
  const workers = Array.from({ length: processes }, (_, index) => openWorker(index));
  return {
    run: async (plan, { onProgress, signal } = {}) => {
      const latest: LoadProgress[] = [];
      const stop = (): void => {
        for (const worker of workers) worker.stop();
      };
      signal?.addEventListener("abort", stop, { once: true });
      try {
        const records = await Promise.all(planShares(plan, processes).map((share, index) => workers[index]!.run(share, (progress) => {
          latest[index] = progress;
          if (index === 0) onProgress?.(together(latest));
        })));
        return outcomeOf(records, { isExact: plan.arrivals.kind === "open" && plan.arrivals.isExact === true });
      } finally {
        signal?.removeEventListener("abort", stop);
      }
    },
    [Symbol.asyncDispose]: async () => { await Promise.all(workers.map((worker) => worker.close())); },
  };
}

function together(parts: readonly LoadProgress[]): LoadProgress {
  const known = parts.filter((part) => part !== undefined); // a process that has not reported yet leaves a hole
  const sum = (value: (part: LoadProgress) => number): number => known.reduce((total, part) => total + value(part), 0);
  return { sent: sum((part) => part.sent), answered: sum((part) => part.answered), failed: sum((part) => part.failed) };
}

function openWorker(index: number): Worker {
  const module = new URL(`./generator-process.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url);
  const child = fork(fileURLToPath(module), { execArgv: [], serialization: "advanced" });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return {
    run: (plan, onProgress) => new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        child.off("message", onMessage).off("exit", onExit);
        act();
      };
      const onExit = (code: number | null): void => settle(() => reject(new StrataError("INTERNAL", { reason: `a load generator ended with code ${code}` })));
      const onMessage = (reply: GeneratorReply): void => { // its process sends nothing else
        if (reply.kind === "progress") onProgress(reply.progress);
        else if (reply.kind === "record") settle(() => resolve(reply.record));
        else settle(() => reject(new StrataError("INTERNAL", { reason: `a load generator failed: ${reply.reason}` })));
      };
      child.on("message", onMessage).once("exit", onExit);
      send(child, { kind: "run", plan, worker: index });
    }),
    stop: () => send(child, { kind: "stop" }),
    close: async () => {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

function send(child: ChildProcess, request: GeneratorRequest): void {
  if (child.connected) child.send(request);
}
