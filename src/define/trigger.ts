/** What makes a model train again. Every trigger that fires says why, and is subject to the model's cool-down. */
import { durationMs } from "../kernel/duration.ts";
import type { Duration } from "../kernel/duration.ts";

export type Trigger =
  | { readonly kind: "schedule"; readonly everyMs: number }
  | { readonly kind: "drift"; readonly psi: number; readonly features: number }
  | { readonly kind: "performance"; readonly dropShare: number }
  | { readonly kind: "new-data"; readonly events: number };

/** A fixed interval after the last training. */
export const every = (interval: Duration): Trigger => Object.freeze({ kind: "schedule", everyMs: durationMs(interval) });

/** At least `features` features (default 1) whose population stability index against the training data is `psi` or more. */
export const onDrift = (options: { readonly psi: number; readonly features?: number }): Trigger =>
  Object.freeze({ kind: "drift", psi: options.psi, features: options.features ?? 1 });

/** The mean reward of the champion's latest window fell by this share against its first window after promotion. */
export const onPerformanceDrop = (options: { readonly share: number }): Trigger =>
  Object.freeze({ kind: "performance", dropShare: options.share });

/** So many new events in the model's example stream since the last training. */
export const onNewData = (options: { readonly events: number }): Trigger => Object.freeze({ kind: "new-data", events: options.events });
