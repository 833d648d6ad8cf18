/** The version that a request means: at once when it is in memory, else after it was loaded, for which few may wait. */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, toStrataError } from "../../kernel/errors.ts";
import type { RunningVersion } from "../models/running-version.ts";
import type { ModelCatalog } from "./model-catalog.ts";
import { unavailable } from "./version-slot.ts";
import type { VersionSlot } from "./version-slot.ts";

export interface VersionFinder {
  /** The version in memory that answers, without waiting; undefined: `bring` it first. MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND. */
  peek(model: string, version: string | undefined): RunningVersion | undefined;
  /** Loads it if need be. MODEL_UNAVAILABLE, MODEL_BUSY, and QUEUE_FULL when too many wait for the same load. */
  bring(model: string, version: string | undefined): Promise<RunningVersion>;
  isClosed(): boolean;
  /** From now on nothing is loaded. */
  close(): void;
}

/** Requests that may wait for one version to load; each holds its tensors. */
const MAX_HELD_REQUESTS = 10_000;

export function createVersionFinder({ shelfOf, trained }: ModelCatalog, clock: Pick<Clock, "monotonicMs">): VersionFinder {
  const held = new Map<VersionSlot, number>();
  let isClosed = false;

  const hold = async (slot: VersionSlot): Promise<RunningVersion> => {
    const waiting = held.get(slot) ?? 0;
    if (waiting >= MAX_HELD_REQUESTS) throw new StrataError("QUEUE_FULL", { model: slot.model, waiting }, { retryAfterSeconds: 1 });
    held.set(slot, waiting + 1);
    try {
      return await slot.ensure();
    } catch (thrown) {
      throw toStrataError(thrown).code === "MODEL_LOAD_FAILED" ? unavailable(slot, slot.entry()) : thrown; // whoever asks for an inference did nothing wrong
    } finally {
      const left = held.get(slot)! - 1;
      if (left === 0) held.delete(slot);
      else held.set(slot, left);
    }
  };

  return {
    peek: (model, version) => {
      if (trained.has(model)) return trained.peek(model, version);
      const slot = shelfOf(model).slotFor(version);
      slot.lastUsedMs = clock.monotonicMs();
      return slot.current;
    },
    bring: async (model, version) => {
      if (trained.has(model)) return trained.version(model, version);
      const shelf = shelfOf(model);
      const slot = shelf.slotFor(version);
      const entry = slot.entry();
      if (shelf.isHeldBack || isClosed || (entry.state === "UNAVAILABLE" && !slot.mayTryAgain())) throw unavailable(slot, entry);
      return hold(slot);
    },
    isClosed: () => isClosed,
    close: () => { isClosed = true; },
  };
}
