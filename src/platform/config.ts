/**
 * Configuration says where and how big; the definition says what. One schema; defaults < file < environment < flags;
 * read once, frozen; unknown keys are refused and all problems are reported together with their source.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { z } from "zod";
import { StrataError, listProblems, reasonOf } from "../kernel/errors.ts";
import type { Problem } from "../kernel/errors.ts";

const MIB = 1024 * 1024;

/** A number, or its decimal notation: variables and flags are text. Nothing else becomes one: not true, not "", not "0x50". */
function numeric<Schema extends z.ZodNumber>(schema: Schema) {
  return z.preprocess((value) => (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value), schema);
}

/** true or false, also as the text of a variable or a flag. */
const truth = z.preprocess((value) => (value === "true" ? true : value === "false" ? false : value), z.boolean());

/** setTimeout takes at most 24.8 days, and a day without a checkpoint is long enough. */
const DAY_SECONDS = 86_400;

export const configSchema = z.strictObject({
  definition: z.string().min(1).default("app.ts").describe("File whose default export is the application."),
  profile: z.string().default("").describe("Engines on servers: a name in strata.profile.json, or a JSON file of its own. Empty: everything embedded in the data folder."),
  dataDir: z.string().min(1).default(".strata").describe("Folder for the log, the lake, the registry and state."),
  host: z.string().min(1).default("127.0.0.1").describe("Address to listen on. There is no authentication yet: leave it on loopback or put a proxy in front."),
  port: numeric(z.number().int().min(0).max(65_535)).default(4180).describe("TCP port; 0 picks a free one."),
  grpcPort: numeric(z.number().int().min(0).max(65_535)).optional().describe("TCP port of Open Inference gRPC; 0 picks a free one. Unset: the one after `port`, or a free one when that is 0."),
  inferenceName: z.string().min(1).default("strata").describe("Name of the server in Open Inference metadata; some clients' scripts expect `triton`."),
  // libuv accepts one connection per loop turn and listener; with 1,000 new connections one listener starves them for seconds, 16 do not.
  listeners: numeric(z.number().int().min(1).max(64)).default(16).describe("Listening sockets on the same port."),
  processes: numeric(z.number().int().min(1).max(256)).default(1).describe("Processes of `strata serve`; they share the port."),
  maxBodyBytes: numeric(z.number().int().min(1024)).default(64 * MIB).describe("Largest request body."),
  maxPendingBytes: numeric(z.number().int().min(1024)).default(64 * MIB).describe("Events waiting to become durable before ingestion answers 429."),
  dedupeRecords: numeric(z.number().int().min(0)).default(1_000_000).describe("Latest event ids per stream that are remembered for idempotency."),
  segmentBytes: numeric(z.number().int().min(1024)).default(64 * MIB).describe("Size at which a log segment is closed."),
  lakeCacheBytes: numeric(z.number().int().min(0)).default(1024 * MIB).describe("Files of the lake's warm and cold tiers that are kept locally after they were read."),
  lakeDurable: z.enum(["local", "blob"]).optional().describe("`blob`: each file of the lake is in the blob store before it counts, for machines whose disks come and go. Unset: `blob` when the profile names a blob store, else `local`."),
  sqlMaxRows: numeric(z.number().int().min(1)).default(10_000).describe("Most rows of a SQL answer that does not say how many it wants. Parquet has no such bound."),
  sqlTimeoutSeconds: numeric(z.number().min(0.1).max(3_600)).default(60).describe("Longest time of a SQL statement that does not say how long it may take."),
  sqlWorkers: numeric(z.number().int().min(0).max(64)).default(0).describe("Processes that run SQL beside the server, each with its own cache; a statement goes where its files are cached. 0: in the server's own process."),
  sqlMemoryMiB: numeric(z.number().int().min(64)).default(512).describe("Memory of one SQL statement; four times as much may go to disk."),
  hotPrice: numeric(z.number().min(0)).default(0.08).describe("USD per GiB and month of the lake's hot tier, for the cost that `strata lake` shows. These are list prices you set yourself."),
  warmPrice: numeric(z.number().min(0)).default(0.023).describe("USD per GiB and month of the warm tier."),
  coldPrice: numeric(z.number().min(0)).default(0.004).describe("USD per GiB and month of the cold tier."),
  featureMemoryBytes: numeric(z.number().int().min(MIB)).default(1024 * MIB).describe("Rows that one feature view keeps in memory; entities that were not asked for of late go to a file of the data folder beyond it."),
  checkpointSeconds: numeric(z.number().min(0.1).max(DAY_SECONDS)).default(30).describe("Interval between checkpoints of feature state."),
  controlSeconds: numeric(z.number().min(0.1).max(DAY_SECONDS)).default(5).describe("Interval at which triggers and rollouts are judged."),
  featureReadSampling: numeric(z.number().min(0).max(1)).default(0.001).describe("Share of feature reads of which a row is kept, to be computed again offline and compared."),
  featureAuditSeconds: numeric(z.number().min(1).max(DAY_SECONDS)).default(3_600).describe("Interval at which sampled feature reads are compared with the offline join."),
  trainingThreads: numeric(z.number().int().min(1).max(64)).default(Math.max(1, Math.min(4, availableParallelism() - 1))).describe("Threads of a training job."),
  dailyTrainings: numeric(z.number().int().min(1)).default(24).describe("Most automatic trainings per model and day."),
  requireKeys: truth.default(false).describe("Refuse calls of language models that bring no virtual key; without it they are booked on the key `local`."),
  ledgerFile: z.string().default("").describe("File of keys, budgets and usage; gateways on this machine that name the same file share them. Empty: `ledger.db` in the data folder."),
  modelRepository: z.string().min(1).optional().describe("Folder of models to serve: <model>/<version>/model.onnx, with an optional <model>/model.json. Default: none."),
  modelMemoryBytes: numeric(z.number().int().min(1024)).optional().describe("Memory that loaded models may hold together; those that load on demand make room for each other. Default: no bound."),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info").describe("Least severe line that is printed."),
});

export type Config = Readonly<z.output<typeof configSchema>>;
export type ConfigKey = keyof Config;

export interface ConfigEntry {
  readonly key: ConfigKey;
  readonly value: unknown;
  /** "default", a file, a variable or a flag. */
  readonly source: string;
  readonly description: string;
}

export interface ConfigSources {
  /** JSON file; missing is fine unless it was asked for by name. */
  readonly file?: string;
  readonly isFileRequired?: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly flags: Readonly<Record<string, unknown>>;
}

export interface LoadedConfig {
  readonly config: Config;
  readonly entries: readonly ConfigEntry[];
}

/** Merges the sources and checks the result; CONFIG_INVALID lists every problem. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const keys = Object.keys(configSchema.shape) as ConfigKey[]; // the schema's own keys
  const layers = [fileLayer(sources), environmentLayer(keys, sources.environment), flagLayer(sources.flags)];
  const merged = new Map<string, unknown>();
  const origin = new Map<string, string>();
  for (const layer of layers) {
    for (const [key, value] of Object.entries(layer.values)) {
      merged.set(key, value);
      origin.set(key, layer.sourceOf(key));
    }
  }
  const parsed = configSchema.safeParse(Object.fromEntries(merged));
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap((issue) => issueProblems(issue, origin));
    throw new StrataError("CONFIG_INVALID", { count: problems.length, problems: listProblems(problems) }, { problems });
  }
  const config = Object.freeze(parsed.data);
  return { config, entries: keys.map((key) => ({ key, value: config[key], source: origin.get(key) ?? "default", description: configSchema.shape[key].description ?? "" })) };
}

interface Layer {
  readonly values: Readonly<Record<string, unknown>>;
  readonly sourceOf: (key: string) => string;
}

function fileLayer({ file, isFileRequired }: ConfigSources): Layer {
  if (file === undefined) return { values: {}, sourceOf: () => "" };
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (thrown) {
    const isMissing = ["ENOENT", "ENOTDIR"].includes((thrown as NodeJS.ErrnoException).code ?? "");
    if (isMissing && !isFileRequired) return { values: {}, sourceOf: () => "" };
    throw isMissing ? new StrataError("FILE_NOT_FOUND", { path: file }, { cause: thrown }) : new StrataError("FILE_UNREADABLE", { path: file, reason: reasonOf(thrown) }, { cause: thrown });
  }
  try {
    const values: unknown = JSON.parse(text);
    if (typeof values !== "object" || values === null || Array.isArray(values)) throw new Error("it is not an object");
    return { values: values as Record<string, unknown>, sourceOf: () => file };
  } catch (thrown) {
    throw new StrataError("FILE_INVALID", { path: file, format: "JSON", reason: reasonOf(thrown) }, { cause: thrown });
  }
}

function environmentLayer(keys: readonly string[], environment: Readonly<Record<string, string | undefined>>): Layer {
  const set = keys.filter((key) => environment[variableOf(key)] !== undefined);
  const known = new Set(keys.map(variableOf));
  const unknown = Object.keys(environment).filter((name) => name.startsWith("STRATA_") && !known.has(name));
  return {
    values: Object.fromEntries([...set.map((key) => [key, environment[variableOf(key)]] as const), ...unknown.map((name) => [name, environment[name]] as const)]),
    sourceOf: (key) => (known.has(variableOf(key)) ? variableOf(key) : "environment"),
  };
}

function flagLayer(flags: Readonly<Record<string, unknown>>): Layer {
  const set = Object.entries(flags).filter(([, value]) => value !== undefined);
  return { values: Object.fromEntries(set), sourceOf: (key) => `--${dashed(key)}` };
}

/** dataDir → STRATA_DATA_DIR */
export const variableOf = (key: string): string => `STRATA_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
const dashed = (key: string): string => key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function issueProblems(issue: z.core.$ZodIssue, origin: ReadonlyMap<string, string>): Problem[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: key, message: `unknown setting from ${origin.get(key) ?? "?"}; remove it or fix its name`, code: "unknown-key" }));
  }
  const key = String(issue.path[0]);
  return [{ path: key, message: `${issue.message} (from ${origin.get(key) ?? "default"})`, code: issue.code }];
}
