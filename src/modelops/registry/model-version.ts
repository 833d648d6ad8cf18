/** A registered version of a model: where it comes from, what it is, what it needs and answers. Plain data, never changed. */
import type { FeaturePins } from "../../define/index.ts";
import type { Environment } from "../experiments/run.ts";

/** What a version reads and answers; category codes are positions in `categories`. */
export interface ModelSignature {
  readonly inputs: readonly SignatureColumn[];
  /** Numbers per row: 1 for regression, binary and ranking; k for k classes. */
  readonly outputs: number;
}

export interface SignatureColumn {
  /** `source.feature`. */
  readonly name: string;
  readonly kind: "numeric" | "categorical";
  readonly categories?: readonly string[];
}

export interface NewModelVersion {
  readonly model: string;
  /** The run that trained it; a run gives at most one version. */
  readonly run: string;
  /** Blob digests by role: "trees", "onnx", "profile", … At least one. */
  readonly artifacts: Readonly<Record<string, string>>;
  readonly definitionHash: string;
  /** What each feature meant when it was learned from; absent in versions of before it was kept. */
  readonly features?: FeaturePins;
  readonly codeHash: string;
  /** Id of the lake snapshot that the training set was made from. */
  readonly snapshot: string;
  readonly environment: Environment;
  /** Measured on the held-out rows; a number that is not finite is kept as null. */
  readonly metrics: Readonly<Record<string, number | null>>;
  readonly signature: ModelSignature;
}

export interface ModelVersion extends NewModelVersion {
  /** 1, 2, 3, … per model. */
  readonly version: number;
  readonly createdAtMs: number;
}
