/** Keeps the models of one server within its memory: a version that opens takes the place of those nobody uses. */
import { StrataError } from "../../kernel/errors.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { RunningVersion } from "../models/running-version.ts";
import { chooseEvictions } from "./memory-budget.ts";
import type { ModelCatalog } from "./model-catalog.ts";
import type { ModelPlan } from "./model-plan.ts";

export type OpenVersion = (plan: ModelPlan, version: string) => Promise<RunningVersion>;

export interface MemoryRoomOptions {
  readonly catalog: ModelCatalog;
  /** Infinity: no bound. */
  readonly memoryBytes: number;
  readonly logger: Logger;
}

/** `open`, and room for what it opened; closed again when there is none (MODEL_MEMORY_EXCEEDED). */
export function openWithinMemory(open: OpenVersion, options: MemoryRoomOptions): OpenVersion {
  if (options.memoryBytes === Number.POSITIVE_INFINITY) return open;
  return async (plan, version) => {
    const opened = await open(plan, version);
    try {
      await makeRoom(opened, options);
      return opened;
    } catch (thrown) {
      await opened.close();
      throw thrown;
    }
  };
}

async function makeRoom({ model, memoryBytes: neededBytes }: RunningVersion, { catalog, memoryBytes, logger }: MemoryRoomOptions): Promise<void> {
  const holders = [...catalog.shelves.values()].flatMap((shelf) => shelf.slots().flatMap((slot) => (slot.current === undefined ? [] : [{
    slot, memoryBytes: slot.current.memoryBytes, lastUsedMs: slot.lastUsedMs, isInUse: shelf.plan.load === "start" || slot.current.inFlight() > 0,
  }])));
  const evicted = chooseEvictions(holders, neededBytes, memoryBytes);
  if (evicted === undefined) throw new StrataError("MODEL_MEMORY_EXCEEDED", { model, neededBytes, budgetBytes: memoryBytes }, { retryAfterSeconds: 5 });
  for (const { slot } of evicted) logger.log("info", "a model was unloaded to make room", { model: slot.model, version: slot.version, for: model });
  await Promise.all(evicted.map(({ slot }) => slot.unload(`made room for "${model}"`)));
}
