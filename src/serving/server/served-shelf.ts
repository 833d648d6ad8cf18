/** A model that is served by a plan: its versions side by side, and which of them a request means. */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { RepositoryEntry } from "../model-server.ts";
import type { RunningVersion } from "../models/running-version.ts";
import { compareVersions, isSameSource, versionsToLoad } from "./model-plan.ts";
import type { ModelPlan } from "./model-plan.ts";
import { createVersionSlot } from "./version-slot.ts";
import type { VersionSlot } from "./version-slot.ts";

export interface ServedShelf {
  readonly plan: ModelPlan;
  /** Unloaded by hand: requests do not bring it back. */
  readonly isHeldBack: boolean;
  /** Oldest first. */
  slots(): readonly VersionSlot[];
  /** The version that a request means: an alias, a version, or the latest one. MODEL_VERSION_NOT_FOUND. */
  slotFor(version: string | undefined): VersionSlot;
  entries(): readonly RepositoryEntry[];
  /** Takes over another plan: versions that changed are loaded anew, others stay, those that left are unloaded. */
  replan(next: ModelPlan): Promise<void>;
  /** Loads all versions of the plan's policy (again); raises the first failure after trying all, and then the plan from before stays. */
  load(next?: ModelPlan): Promise<void>;
  unload(reason: string): Promise<void>;
}

export interface ServedShelfOptions {
  readonly plan: ModelPlan;
  readonly clock: Clock;
  readonly open: (plan: ModelPlan, version: string) => Promise<RunningVersion>;
}

export function createServedShelf({ plan: firstPlan, clock, open }: ServedShelfOptions): ServedShelf {
  let plan = firstPlan;
  let isHeldBack = false;
  const slots = new Map<string, VersionSlot>();
  const putSlots = (): void => {
    for (const version of versionsToLoad(plan)) {
      if (!slots.has(version)) slots.set(version, createVersionSlot({ model: plan.name, version, clock, open: () => open(plan, version) }));
    }
  };
  const ordered = (): readonly VersionSlot[] => [...slots.values()].toSorted((a, b) => compareVersions(a.version, b.version));
  /** Kept, because every request without a version asks for it. */
  let latest: readonly VersionSlot[] = [];
  const settle = (): void => {
    putSlots();
    latest = ordered().toReversed();
  };
  settle();

  const wanted = (): ReadonlySet<string> => new Set(versionsToLoad(plan));
  /** Versions that the plan has no more: nobody finds them any longer, and they leave when they are drained. */
  const dropOthers = async (): Promise<void> => {
    const gone = [...slots.values()].filter((slot) => !wanted().has(slot.version));
    for (const slot of gone) slots.delete(slot.version);
    settle();
    await Promise.all(gone.map((slot) => slot.unload("left the model's versions")));
  };

  const load = async (next = plan): Promise<void> => {
    const before = plan;
    plan = next;
    settle();
    const loads = await Promise.allSettled([...slots.values()].filter((slot) => wanted().has(slot.version)).map((slot) => slot.reload()));
    const failed = loads.find((result) => result.status === "rejected");
    if (failed) plan = before;
    else isHeldBack = false;
    await dropOthers();
    if (failed) throw failed.reason;
  };

  return {
    get plan() { return plan; },
    get isHeldBack() { return isHeldBack; },
    slots: ordered,
    slotFor: (version) => {
      if (version === undefined) {
        const slot = latest.find((one) => one.current !== undefined) ?? latest[0];
        if (slot === undefined) throw new StrataError("MODEL_NOT_READY", { model: plan.name });
        return slot;
      }
      const slot = slots.get(Object.hasOwn(plan.aliases, version) ? plan.aliases[version]! : version);
      if (slot === undefined) throw new StrataError("MODEL_VERSION_NOT_FOUND", { model: plan.name, version });
      return slot;
    },
    entries: () => ordered().map((slot) => slot.entry()),
    replan: async (next) => {
      const before = plan;
      plan = next;
      const known = new Set(slots.keys());
      settle();
      const isRunDifferently = JSON.stringify([before.batching, before.instances, before.cacheEntries]) !== JSON.stringify([next.batching, next.instances, next.cacheEntries]);
      const isStale = ({ version, current }: VersionSlot): boolean => current !== undefined && (isRunDifferently || !isSameSource(next.versions.get(version)!, before.versions.get(version)));
      const toLoad = [...slots.values()].filter((slot) => wanted().has(slot.version) && (known.has(slot.version) ? isStale(slot) : next.load === "start" && !isHeldBack));
      await Promise.allSettled(toLoad.map((slot) => slot.reload())); // a failure shows in the index
      await dropOthers();
    },
    load,
    unload: async (reason) => {
      isHeldBack = true;
      await Promise.all([...slots.values()].map((slot) => slot.unload(reason)));
    },
  };
}
