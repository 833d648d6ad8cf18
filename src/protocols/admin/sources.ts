/** What the admin protocol reads and commands; the platform hands it in. */
import type { CatalogueSources } from "./catalogue.ts";
import type { FeatureReadParts } from "./feature-read.ts";
import type { ApplicationDocument, ResourceChange } from "../../define/index.ts";
import type { LogStore } from "../../observe/index.ts";
import type { DecisionLog, Experiments, Registry, Rollouts } from "../../modelops/index.ts";
import type { ModelServer } from "../../serving/index.ts";
import type { KeySources } from "./key-routes.ts";
import type { LakeSources } from "./lake-routes.ts";
import type { SqlDesk } from "./sql-routes.ts";
import type { QualitySources } from "./quality-routes.ts";
import type { StreamSources } from "./stream-routes.ts";
import type { Overview } from "./overview.ts";

export interface AdminSources {
  readonly version: string;
  readonly overview: () => Promise<Overview>;
  /** The running definition as plain data, with its hash. */
  readonly definition: () => { readonly hash: string; readonly document: unknown };
  readonly experiments: Experiments;
  readonly registry: Registry;
  readonly rollouts: Rollouts;
  readonly decisions: DecisionLog;
  readonly logs: Pick<LogStore, "lines">;
  readonly explain: ModelServer["explain"];
  /** Definition names, for checking parameters. */
  readonly modelNames: () => readonly string[];
  /** In OpenAI's words, whose clients read the same path. */
  readonly languageModels: () => { readonly object: "list"; readonly data: readonly { readonly id: string }[] };
  /** The state of each language model's targets, as plain data. */
  readonly upstreams: () => unknown;
  /** Virtual keys of language models, and what was used. */
  readonly ledger: KeySources;
  readonly lake: LakeSources;
  readonly sql: SqlDesk;
  /** Expectations of streams, profiles, contracts. */
  readonly quality: QualitySources;
  readonly streams: StreamSources;
  /** Starts a training and reports its progress; resolves with the report. */
  readonly train: (model: string, options: { readonly reason: string; readonly signal: AbortSignal; readonly onProgress: (progress: TrainingProgress) => void }) => Promise<unknown>;
  readonly rollback: (model: string, reason: string) => Promise<void>;
  readonly cancelRollout: (model: string, reason: string) => Promise<void>;
  readonly featureReads: FeatureReadParts;
  readonly catalogue: CatalogueSources;
  /** Recomputes logged answers offline and compares them. */
  readonly audit: (options: { readonly limit: number; readonly signal: AbortSignal }) => Promise<unknown>;
  /** What would change; `document` is the caller's definition. */
  readonly plan: (document: ApplicationDocument) => readonly ResourceChange[];
  /** Loads the definition file again and applies it; refused when its hash is not the expected one. */
  readonly apply: (expectedHash: string | undefined) => Promise<readonly ResourceChange[]>;
  /** Runs the control loop once, now. */
  readonly tick: () => Promise<void>;
}

export interface TrainingProgress {
  readonly stage: string;
  /** 0 to 1 over the whole training. */
  readonly share: number;
  readonly detail: string;
}
