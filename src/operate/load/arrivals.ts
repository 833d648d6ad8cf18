/** When requests are sent: as soon as a slot is free (closed loop), or when they come by themselves (open loop). */
import { createRandom } from "../../kernel/random.ts";
import type { ArrivalPlan, OpenArrivals } from "./load-plan.ts";
import type { Slot } from "./slot.ts";

export interface Arrivals {
  start(slots: readonly Slot[]): void;
  /** The slot has its answer. */
  freed(slot: Slot): void;
  /** Sends nothing more; returns how many requests had come but found no free slot. */
  stop(): number;
}

export interface ArrivalEvents {
  /** Sends over a slot a request that came at `cameMs`; false when no more may be sent. */
  send(slot: Slot, cameMs: number): boolean;
  /** Whether a request that came then need not be sent any more, because nobody waits for its answer; it is counted. */
  isExpired(cameMs: number): boolean;
  /** A request is taken up this long after it was to come: what the generator itself is late. */
  onLateness(latenessMs: number): void;
}

export function createArrivals(plan: ArrivalPlan, events: ArrivalEvents): Arrivals {
  return plan.kind === "open" ? openLoop(plan, events) : closedLoop(events);
}

function closedLoop({ send }: ArrivalEvents): Arrivals {
  return {
    start: (slots) => {
      for (const slot of slots) send(slot, performance.now());
    },
    freed: (slot) => { send(slot, performance.now()); },
    stop: () => 0,
  };
}

/** Times between requests, in ms. */
export function gapsOf({ perSecond, seed, spacing = "poisson" }: Pick<OpenArrivals, "perSecond" | "seed" | "spacing">): () => number {
  const meanMs = 1000 / perSecond;
  if (spacing === "even") return () => meanMs;
  const random = createRandom(seed);
  return () => random.exponential(meanMs);
}

/**
 * A request without a free slot waits, and its latency counts the wait: slow answers cannot hide behind requests never
 * sent ("coordinated omission", Gil Tene).
 */
function openLoop(plan: OpenArrivals, { send, isExpired, onLateness }: ArrivalEvents): Arrivals {
  const nextGapMs = gapsOf(plan);
  const free = createFreeSlots(plan.connectionUse ?? "fewest");
  const waiting: number[] = [];
  let first = 0, nextAtMs = 0, isStopped = false;
  let ticking: NodeJS.Timeout | undefined;
  const dispatch = (): void => {
    for (; first < waiting.length; first++) {
      if (isExpired(waiting[first]!)) continue;
      const slot = free.take();
      if (slot === undefined) return;
      if (!send(slot, waiting[first]!)) return free.give(slot);
    }
    waiting.length = 0;
    first = 0;
  };
  const tick = (): void => {
    const nowMs = performance.now();
    for (; nextAtMs <= nowMs; nextAtMs += nextGapMs()) {
      onLateness(nowMs - nextAtMs);
      waiting.push(nextAtMs);
    }
    if (first < waiting.length) dispatch();
  };
  const spin = (): void => {
    if (isStopped) return;
    tick();
    setImmediate(spin);
  };
  return {
    start: (slots) => {
      for (const slot of slots) free.give(slot);
      nextAtMs = performance.now() + nextGapMs();
      if (plan.isExact === true) spin();
      else ticking = setInterval(tick, 1);
    },
    freed: (slot) => {
      free.give(slot);
      dispatch();
    },
    stop: () => {
      isStopped = true;
      clearInterval(ticking);
      return waiting.length - first;
    },
  };
}

interface FreeSlots {
  take(): Slot | undefined;
  give(slot: Slot): void;
}

/** "fewest": the one used last, so that others stay unopened. "all": the one that waited longest. */
function createFreeSlots(use: "fewest" | "all"): FreeSlots {
  const slots: Slot[] = [];
  let first = 0;
  if (use === "fewest") return { take: () => slots.pop(), give: (slot) => void slots.push(slot) };
  return {
    take: () => {
      const slot = slots[first];
      if (slot !== undefined) first += 1;
      if (first > 1_024 && first * 2 > slots.length) {
        slots.splice(0, first);
        first = 0;
      }
      return slot;
    },
    give: (slot) => void slots.push(slot),
  };
}
