/** The machine that results belong to. */
import { availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os";
import type { Machine } from "./result.ts";

export function describeMachine(loadBefore: number): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown", cores: availableParallelism(), memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`, node: process.versions.node, loadBefore, loadAfter: loadNow(),
  };
}

export const loadNow = (): number => loadavg()[0] ?? 0;
