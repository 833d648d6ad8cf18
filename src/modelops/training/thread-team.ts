/**
 * A team of threads that run phases together: the calling thread is member 0, the others are workers that wait on
 * shared memory. One member means no worker at all. Phases are short (milliseconds), so members spin briefly before
 * they sleep; the caller never blocks for long, because a wait that drags on continues on the event loop.
 */
import { Worker } from "node:worker_threads";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { PHASE, runPhase } from "./phases.ts";
import type { Workspace } from "./workspace.ts";

/** Words of workspace.control. */
export const CONTROL = { generation: 0, phase: 1, done: 2, failed: 3 } as const;

/** About 45 µs of looking (11 ns each) before sleeping; a futex wake-up costs as much. */
export const SPINS = 4_000;
/** Longest time the calling thread sleeps in one piece before it lets the event loop run. */
const BLOCKING_WAIT_MS = 20;

export interface ThreadTeam extends AsyncDisposable {
  /** Runs the phase on every member; arguments must be in the workspace. Resolves when the last one is done. */
  run(phase: number): Promise<void> | undefined;
  /** Runs the whole phase on the calling thread: for steps too small to be worth a wake-up. */
  runAlone(phase: number): void;
}

/** Raises INTERNAL when a worker cannot start or dies. */
export async function openThreadTeam(workspace: Workspace, threads: number): Promise<ThreadTeam> {
  const { control } = workspace;
  let failure: unknown;
  const workers = Array.from({ length: threads - 1 }, (_, i) => {
    const worker = new Worker(workerUrl(), { name: "strata-training", workerData: { plan: workspace.plan, buffer: workspace.buffer, share: { thread: i + 1, threads } } });
    worker.on("error", (thrown) => { failure = thrown; });
    return worker;
  });
  const runAlone = (phase: number): void => runPhase(phase, workspace, { thread: 0, threads: 1 });

  const announce = (phase: number): void => {
    Atomics.store(control, CONTROL.done, 0);
    Atomics.store(control, CONTROL.phase, phase);
    Atomics.add(control, CONTROL.generation, 1);
    Atomics.notify(control, CONTROL.generation);
  };
  const isDone = (): boolean => Atomics.load(control, CONTROL.done) === workers.length;
  const check = (): void => {
    if (failure !== undefined || Atomics.load(control, CONTROL.failed) !== 0) {
      throw new StrataError("INTERNAL", { reason: `a training thread failed: ${failure === undefined ? "its step threw" : reasonOf(failure)}` }, { cause: failure });
    }
  };
  const finishSlowly = async (): Promise<void> => {
    while (!isDone()) {
      check();
      await new Promise((resolve) => setTimeout(resolve, 1)); // lets a worker's "error" event arrive
    }
    check();
  };
  const run = (phase: number): Promise<void> | undefined => {
    if (workers.length === 0) {
      runAlone(phase);
      return undefined;
    }
    announce(phase);
    runPhase(phase, workspace, { thread: 0, threads });
    for (let spins = 0; spins < SPINS && !isDone(); spins++);
    const seen = Atomics.load(control, CONTROL.done);
    if (seen !== workers.length) Atomics.wait(control, CONTROL.done, seen, BLOCKING_WAIT_MS);
    if (!isDone()) return finishSlowly();
    check();
    return undefined;
  };
  const close = async (): Promise<void> => {
    announce(PHASE.stop);
    await Promise.all(workers.map((worker) => worker.terminate()));
  };
  return { run, runAlone, [Symbol.asyncDispose]: close };
}

/** Source runs by type stripping, dist as JavaScript; the compiler does not rewrite URLs, so the extension follows this file's own. */
function workerUrl(): URL {
  return new URL(import.meta.url.endsWith(".ts") ? "./training-worker.ts" : "./training-worker.js", import.meta.url);
}
