/**
 * Body of a training worker thread: waits for a phase to be announced, runs its share, reports, until told to stop.
 * It never reads messages; everything it needs is in shared memory.
 */
import { workerData } from "node:worker_threads";
import { PHASE, runPhase, type Share } from "./phases.ts";
import { CONTROL, SPINS } from "./thread-team.ts";
import { attachWorkspace, type WorkspacePlan } from "./workspace.ts";

// openThreadTeam is the only caller
const { plan, buffer, share } = workerData as { readonly plan: WorkspacePlan; readonly buffer: SharedArrayBuffer; readonly share: Share };
const workspace = attachWorkspace(plan, buffer);
const { control } = workspace;

/** The generation after `seen`. A phase announced while this thread was starting counts too. */
function waitForNext(seen: number): number {
  for (;;) {
    for (let spins = 0; spins < SPINS; spins++) {
      const generation = Atomics.load(control, CONTROL.generation);
      if (generation !== seen) return generation;
    }
    Atomics.wait(control, CONTROL.generation, seen);
  }
}

for (let generation = waitForNext(0); ; generation = waitForNext(generation)) {
  const phase = Atomics.load(control, CONTROL.phase);
  if (phase === PHASE.stop) break;
  try {
    runPhase(phase, workspace, share);
  } catch (thrown) {
    Atomics.store(control, CONTROL.failed, 1);
    throw thrown; // reaches the team's owner as the worker's "error" event
  } finally {
    Atomics.add(control, CONTROL.done, 1);
    Atomics.notify(control, CONTROL.done);
  }
}
