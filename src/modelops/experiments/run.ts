/**
 * A run is one attempt to train a model: what it was given (parameters, data snapshot, code, definition,
 * environment), what it measured, what it left behind, and how it ended. Plain data.
 */

export type RunStatus = "running" | "finished" | "failed" | "cancelled";

/** Why the run was started: a trigger's kind ("drift", "schedule", "manual", …) and a sentence with its numbers. */
export interface RunTrigger {
  readonly kind: string;
  readonly reason: string;
}

/** What the code ran on. */
export interface Environment {
  /** Version of Node.js, e.g. "24.11.0". */
  readonly node: string;
  /** Version of Strata. */
  readonly strata: string;
  /** Operating system and processor, e.g. "linux-x64". */
  readonly platform: string;
}

export interface NewRun {
  readonly model: string;
  readonly trigger: RunTrigger;
  /** Plain JSON; undefined members are dropped. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly tags?: Readonly<Record<string, string>>;
  /** Id of the lake snapshot that the training set was made from. */
  readonly snapshot: string;
  readonly definitionHash: string;
  readonly codeHash: string;
  readonly environment: Environment;
}

export interface MetricPoint {
  readonly name: string;
  /** Tree, epoch or iteration; 0 for a metric that has no steps. */
  readonly step: number;
  /** NaN and infinities are kept: a diverging loss is worth seeing. */
  readonly value: number;
  readonly timeMs: number;
}

export type MetricValue = Omit<MetricPoint, "name">;

export interface RunArtifact {
  readonly name: string;
  /** Address in the blob store. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly mediaType: string;
  readonly timeMs: number;
}

export interface Run extends Required<NewRun> {
  readonly id: string;
  readonly status: RunStatus;
  readonly startedAtMs: number;
  readonly finishedAtMs: number | undefined;
  /** Why it failed; "interrupted" when the process ended before the run did. */
  readonly error: string | undefined;
  /** The value with the highest (step, time) of each metric; the later logged one of equals. */
  readonly metrics: Readonly<Record<string, MetricValue>>;
  readonly artifacts: readonly RunArtifact[];
}

export interface RunQuery {
  readonly model?: string;
  readonly status?: RunStatus;
  /** 1 to 1,000. */
  readonly limit: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
}

export interface RunPage {
  /** Newest first. */
  readonly runs: readonly Run[];
  /** undefined on the last page. */
  readonly nextCursor: string | undefined;
}
