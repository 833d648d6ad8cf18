/** The request and answer of POST /v1/features/:view: features of many entities at one moment. */
import { z } from "zod";

export const featureReadRequest = z.strictObject({
  /** One object of entity keys per row, e.g. [{"customer": "C1"}]. */
  keys: z.array(z.record(z.string(), z.string())).min(1).max(10_000),
  /** ms since the epoch, within what a date can be (ECMA-262, section 21.4.1.1); the platform's now when absent. */
  atMs: z.number().min(-8.64e15).max(8.64e15).optional(),
});

export type EntityKeys = Readonly<Record<string, string>>;

export interface FeatureReadResult {
  readonly view: string;
  readonly features: readonly string[];
  readonly atMs: number;
  /** Next offset of the view's stream: everything before it is in these values. */
  readonly offset: number;
  /** One row per key, values in the order of `features`; null = missing. */
  readonly rows: readonly (readonly FeatureValue[])[];
}

type Scalar = number | string | boolean | null;
/** A list for features such as the latest n values. */
type FeatureValue = Scalar | readonly Scalar[];
