/**
 * Which version answers a request: a wish, a header rule, or a stable hash of its routing key, in this order. Pure, so
 * that every process decides alike.
 */
import { hashPoint } from "../traffic.ts";
import { contains } from "./share-ranges.ts";
import { STABLE } from "./traffic-state.ts";
import type { TrafficState } from "./traffic-state.ts";

export interface TrafficRequest {
  readonly model: string;
  readonly routingKey?: string | undefined;
  /** A version, an alias or a variant's name. */
  readonly variant?: string | undefined;
  /** A header by its name in lower case. */
  readonly header?: ((name: string) => string | undefined) | undefined;
}

export interface TrafficChoice {
  /** undefined: the model's own default. */
  readonly version: string | undefined;
  readonly variant: string;
  /** The version that gets a copy. */
  readonly shadow?: string;
  /** The caller asked for exactly this: no other version may answer in its place. */
  readonly isWish: boolean;
}

/** `draw` is uniform in [0, 1): the key of a request without one, and whether it is copied. */
export function chooseTraffic(state: TrafficState, request: TrafficRequest, draw: () => number): TrafficChoice {
  const { shadow } = state;
  const named = request.variant === undefined ? variantByRule(state, request.header) ?? variantByKey(state, request.routingKey ?? String(draw())) : request.variant;
  const version = versionOf(state, named);
  if (version === undefined) return { version: named, variant: named, isWish: true }; // a version or an alias
  const isWish = request.variant !== undefined && named !== STABLE;
  return shadow !== null && shadow.version !== version && draw() < shadow.share ? { version, variant: named, shadow: shadow.version, isWish } : { version, variant: named, isWish };
}

function versionOf({ stable, arms, canary }: TrafficState, variant: string): string | undefined {
  if (variant === STABLE) return stable;
  return arms.find((arm) => arm.variant === variant)?.version ?? (variant === "canary" ? canary?.version : undefined);
}

function variantByRule({ rules }: TrafficState, header: TrafficRequest["header"]): string | undefined {
  if (rules.length === 0 || header === undefined) return undefined;
  return rules.find((rule) => header(rule.header) === rule.equals)?.variant;
}

function variantByKey({ salt, arms }: TrafficState, key: string): string {
  if (arms.length === 0) return STABLE;
  const point = hashPoint(salt, key);
  return arms.find(({ ranges }) => contains(ranges, point))?.variant ?? STABLE;
}
