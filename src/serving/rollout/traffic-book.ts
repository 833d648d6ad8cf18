/**
 * The traffic of served models as one process knows it: answers "which version?" for every request, and counts what
 * came of it. Keeps nothing durable; the desk writes it, in the same process or in another.
 */
import type { ArmCounts, TrafficCounts } from "./arm-counts.ts";
import { NO_COUNTS, addCounts } from "./arm-counts.ts";
import { createShadowCounter } from "./shadow-report.ts";
import type { ShadowCounter, ShadowTally } from "./shadow-report.ts";
import { chooseTraffic } from "./traffic-choice.ts";
import type { TrafficChoice, TrafficRequest } from "./traffic-choice.ts";
import type { TrafficState } from "./traffic-state.ts";

export interface TrafficOutcome {
  readonly model: string;
  readonly variant: string;
  /** "unready": the version was not there; "refused": the caller's mistake, which says nothing about a version. */
  readonly result: "answered" | "failed" | "refused" | "unready";
  readonly elapsedMs: number;
}

export interface TrafficBook {
  /** undefined: nothing is said about this model, and its default answers. */
  choose(request: TrafficRequest): TrafficChoice | undefined;
  observe(outcome: TrafficOutcome): void;
  /** A copy was compared, or failed. */
  compared(model: string, isEqual: boolean): void;
  /** Where comparisons with this version are counted. */
  shadowCounter(model: string, version: string): ShadowCounter;
  state(model: string): TrafficState | undefined;
  /** Takes over the states; counts of a model begin anew with each revision. */
  put(states: readonly TrafficState[]): void;
  counts(): readonly TrafficCounts[];
  tallies(): readonly ShadowTally[];
}

interface Entry {
  readonly state: TrafficState;
  readonly arms: Map<string, ArmCounts>;
  copies: number;
  different: number;
}

export function createTrafficBook({ draw }: { readonly draw: () => number }): TrafficBook {
  let entries = new Map<string, Entry>();
  const counters = new Map<string, ShadowCounter>();
  return {
    choose: (request) => {
      const entry = entries.get(request.model);
      return entry && chooseTraffic(entry.state, request, draw);
    },
    observe: ({ model, variant, result, elapsedMs }) => {
      const entry = entries.get(model);
      if (entry === undefined || result === "refused") return;
      const { canary } = entry.state;
      const one: ArmCounts = result === "unready" ? { ...NO_COUNTS, unready: 1 }
        : { requests: 1, errors: result === "failed" ? 1 : 0, slow: canary?.sloMs !== undefined && elapsedMs > canary.sloMs ? 1 : 0, unready: 0 };
      entry.arms.set(variant, addCounts(entry.arms.get(variant) ?? NO_COUNTS, one));
    },
    compared: (model, isEqual) => {
      const entry = entries.get(model);
      if (entry === undefined) return;
      entry.copies++;
      if (!isEqual) entry.different++;
    },
    shadowCounter: (model, version) => {
      const key = JSON.stringify([model, version]);
      let counter = counters.get(key);
      if (counter === undefined) counters.set(key, counter = createShadowCounter(model, version));
      return counter;
    },
    state: (model) => entries.get(model)?.state,
    put: (states) => {
      entries = new Map(states.map((state) => {
        const known = entries.get(state.model);
        return [state.model, known?.state.revision === state.revision ? known : { state, arms: new Map(), copies: 0, different: 0 }];
      }));
      const wanted = new Set(states.flatMap(({ model, shadow }) => (shadow ? [JSON.stringify([model, shadow.version])] : [])));
      // Reports of ended comparisons stay until the model compares something else.
      const busy = new Set(states.flatMap(({ model, shadow }) => (shadow ? [model] : [])));
      for (const key of counters.keys()) if (!wanted.has(key) && busy.has((JSON.parse(key) as [string, string])[0])) counters.delete(key);
    },
    counts: () => Array.from(entries.values(), ({ state, arms, copies, different }) => ({ model: state.model, revision: state.revision, arms: Object.fromEntries(arms), copies, different })),
    tallies: () => Array.from(counters.values(), (counter) => counter.tally()),
  };
}
