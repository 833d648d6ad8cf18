/**
 * Who answers a request: a pure decision from the rollout in progress and a stable key, so that one customer
 * stays with one variant and any process decides alike.
 */
import { hash32 } from "../kernel/random.ts";

export type Variant = "champion" | "canary";

export interface TrafficPlan {
  readonly champion: number | undefined;
  readonly challenger: number | undefined;
  /** Share of keys that the challenger answers, 0 to 1. */
  readonly canaryShare: number;
  /** The challenger also scores requests that the champion answers, unseen by the caller. */
  readonly isShadowing: boolean;
  /** Changes with every rollout, so that the same customers are not the canary each time. */
  readonly salt: string;
}

export interface Route {
  readonly variant: Variant;
  readonly version: number;
  readonly shadowVersion: number | undefined;
}

/** `forced` is a caller's explicit wish (a header), for testing a challenger. undefined when nothing can serve. */
export function routeTraffic(plan: TrafficPlan, key: string, forced?: Variant): Route | undefined {
  const { champion, challenger, canaryShare, isShadowing } = plan;
  if (champion === undefined) return undefined;
  const isCanary = challenger !== undefined && (forced === "canary" || (forced === undefined && isInShare(plan.salt, key, canaryShare)));
  if (isCanary) return { variant: "canary", version: challenger, shadowVersion: undefined };
  return { variant: "champion", version: champion, shadowVersion: isShadowing ? challenger : undefined };
}

/** True for a `share` of all keys, always the same ones for a salt. */
export function isInShare(salt: string, key: string, share: number): boolean {
  return hashPoint(salt, key) < share;
}

/** Where a key lies between 0 and 1, always the same for a salt. */
export function hashPoint(salt: string, key: string): number {
  return hash32(`${salt}:${key}`) / 4_294_967_296;
}
