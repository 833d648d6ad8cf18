/** One child process of the supervisor, from fork to exit. */
import cluster from "node:cluster";
import type { Worker } from "node:cluster";
import { StrataError } from "../../kernel/errors.ts";
import type { TrafficCounts, ShadowTally } from "../../serving/index.ts";
import { createProcessLink } from "./process-link.ts";
import type { LinkMessage, ProcessLink } from "./process-link.ts";
import type { ProcessReport } from "./process-report.ts";

export interface Child {
  readonly link: ProcessLink;
  readonly pid: number;
  readonly startedAtMs: number;
  state: ProcessReport["state"];
  counts: readonly TrafficCounts[];
  tallies: readonly ShadowTally[];
  /** Resolves when it serves; raises why it cannot. */
  readonly ready: Promise<void>;
  readonly exited: Promise<void>;
  /** Resolves when it has answered everything and is gone. */
  drain(): Promise<void>;
}

export interface ChildOptions {
  readonly nowMs: number;
  /** What the process asks its supervisor, by name. */
  readonly answers: Readonly<Record<string, (payload: never) => unknown>>;
}

/** Longer than a process takes to drain by itself. */
const KILL_AFTER_MS = 45_000;

export function startChild({ nowMs, answers }: ChildOptions): Child {
  const worker = cluster.fork();
  const link = createProcessLink(String(worker.process.pid), {
    send: (message) => { if (worker.isConnected()) worker.send(message, undefined, () => undefined); },
    subscribe: (receive) => { worker.on("message", (message) => receive(message as LinkMessage)); }, // the child is our own program
  });
  const exited = new Promise<void>((resolve) => worker.once("exit", () => { link.close(); resolve(); }));
  const ready = new Promise<void>((resolve, reject) => {
    link.on("ready", () => { child.state = "ready"; resolve(); });
    link.on("failed", ({ reason }: { readonly reason: string }) => reject(new StrataError("SERVICE_START_FAILED", { service: "a serving process", reason })));
    void exited.then(() => reject(new StrataError("SERVICE_START_FAILED", { service: "a serving process", reason: "it ended before it was ready" })));
  });
  ready.catch(() => undefined); // told to whoever waits for it
  for (const [what, answer] of Object.entries(answers)) link.on(what, answer);
  const child: Child = {
    link, pid: worker.process.pid ?? 0, startedAtMs: nowMs, state: "starting", counts: [], tallies: [], ready, exited,
    drain: async () => {
      child.state = "draining";
      const kill = setTimeout(() => worker.process.kill("SIGKILL"), KILL_AFTER_MS);
      await link.ask("drain", undefined, KILL_AFTER_MS).catch(() => undefined); // it died meanwhile, which is what we want
      disconnect(worker);
      await exited;
      clearTimeout(kill);
    },
  };
  link.on("counts", ({ counts, tallies }: Pick<Child, "counts" | "tallies">) => Object.assign(child, { counts, tallies }));
  return child;
}

function disconnect(worker: Worker): void {
  if (worker.isConnected()) worker.process.disconnect();
}
