/**
 * How the traffic of one served model is divided, as data: what answers, who is tried beside it, who gets copies, and
 * where to go back to. Changed only by moves (traffic-move.ts); read for every request (traffic-choice.ts).
 */
import type { Range } from "./share-ranges.ts";

export interface TrafficArm {
  /** What callers and metrics call it, e.g. "canary" or "b". */
  readonly variant: string;
  readonly version: string;
  /** Share of routing keys, above 0 and at most 1. */
  readonly share: number;
  /** The hashes of its keys. */
  readonly ranges: readonly Range[];
}

/** Requests whose header has the value go to the variant, whatever their key. */
export interface HeaderRule {
  /** In lower case. */
  readonly header: string;
  readonly equals: string;
  readonly variant: string;
}

export interface ShadowPlan {
  readonly version: string;
  /** Share of requests that are copied. */
  readonly share: number;
  /** Numbers that differ by at most this count as equal. */
  readonly tolerance: number;
}

export interface CanaryPlan {
  /** Shares of traffic, rising; after the last the version is promoted. */
  readonly steps: readonly number[];
  /** Shortest time at each share. */
  readonly stepMs: number;
  /** Answers that each side needs at each share. */
  readonly minimumRequests: number;
  /** Chance of a wrong rejection over the whole rollout. */
  readonly alpha: number;
  /** Excess of errors, and of slow answers, that is still accepted. */
  readonly margin: number;
  /** An answer that takes longer is slow; undefined: latency is not judged. */
  readonly sloMs: number | undefined;
  /** Copies compared before the first share; 0: none. */
  readonly shadowRequests: number;
  readonly tolerance: number;
  /** Share of copies whose answers may differ. */
  readonly maximumDifferent: number;
  /** Undecided for so long: back to stable. */
  readonly maximumMs: number;
}

export interface CanaryProgress extends CanaryPlan {
  readonly version: string;
  readonly phase: "shadow" | "steps";
  /** Index into `steps`; -1 in shadow. */
  readonly step: number;
  readonly startedAtMs: number;
  readonly stepStartedAtMs: number;
}

export interface TrafficState {
  readonly model: string;
  /** Counts moves; counts of answers belong to one revision. */
  readonly revision: number;
  /** Stays while a split lasts, so that callers stay with their variant. */
  readonly salt: string;
  /** The version of everybody else. */
  readonly stable: string;
  readonly arms: readonly TrafficArm[];
  readonly rules: readonly HeaderRule[];
  readonly shadow: ShadowPlan | null;
  /** What answered before the last switch or promotion; kept loaded, so that going back takes no time. */
  readonly standby: string | null;
  readonly canary: CanaryProgress | null;
}

export const STABLE = "stable";
export const CANARY = "canary";

/** Versions that must stay loaded. */
export function versionsOf({ stable, arms, shadow, standby, canary }: TrafficState): readonly string[] {
  return [...new Set([stable, ...arms.map(({ version }) => version), ...(shadow ? [shadow.version] : []), ...(standby === null ? [] : [standby]), ...(canary ? [canary.version] : [])])];
}
