/**
 * Model versions in memory: loaded once, warmed, scored through a batcher, and unloaded after they drain.
 */
import type { FeaturePins } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import type { LoadedModel, Matrix, ModelRuntime } from "../ports/model-runtime.ts";
import type { Meter } from "../ports/telemetry.ts";
import { createBatcher } from "./batcher.ts";
import type { Batcher } from "./batcher.ts";
import { createServingInstruments, createVersionStatistics } from "./models/version-statistics.ts";
import type { VersionStatistics } from "./models/version-statistics.ts";

/** What the registry knows about a version that serving needs. */
export interface ServableVersion {
  readonly model: string;
  readonly version: number;
  readonly artifact: Uint8Array;
  /** Input columns, in order. */
  readonly columns: readonly string[];
  /** Learned categories of text columns. */
  readonly categories: Readonly<Record<string, readonly string[]>>;
  /** What each feature meant when the version learned from it; absent when that is not known. */
  readonly features?: FeaturePins;
}

export interface ServingVersion extends ServableVersion {
  readonly loaded: LoadedModel;
  readonly batcher: Batcher;
  readonly statistics: VersionStatistics;
  readonly loadedAtMs: number;
  readonly loadMs: number;
}

export interface ModelPool extends AsyncDisposable {
  /** Loads and warms the version if it is not in memory. */
  get(model: string, version: number): Promise<ServingVersion>;
  /** The version if it is in memory already. */
  peek(model: string, version: number): ServingVersion | undefined;
  list(): readonly ServingVersion[];
  /** Unloads every version of the model but these, after they drain. */
  keepOnly(model: string, versions: readonly number[]): Promise<void>;
}

export interface ModelPoolOptions {
  readonly runtime: ModelRuntime;
  readonly fetch: (model: string, version: number) => Promise<ServableVersion>;
  readonly clock: Clock;
  readonly meter: Meter;
}

export function createModelPool({ runtime, fetch, clock, meter }: ModelPoolOptions): ModelPool {
  const entries = new Map<string, Promise<ServingVersion>>();
  const ready = new Map<string, ServingVersion>();
  const instruments = createServingInstruments(meter);

  const load = async (model: string, version: number): Promise<ServingVersion> => {
    const startedAtMs = clock.monotonicMs();
    const servable = await fetch(model, version);
    const loaded = await runtime.load(servable.artifact, { model, version });
    await loaded.predict(warmupMatrix(loaded.inputs.length));
    const statistics = createVersionStatistics(model, String(version), instruments);
    const batcher = createBatcher({
      model, loaded, clock, onBatch: (batch) => statistics.batch(batch, clock.now()), onFailed: (error, ms) => statistics.failed(error, ms),
    });
    const entry = { ...servable, loaded, batcher, statistics, loadedAtMs: clock.now(), loadMs: clock.monotonicMs() - startedAtMs };
    ready.set(keyOf(model, version), entry);
    return entry;
  };

  const unload = async (key: string): Promise<void> => {
    const entry = entries.get(key);
    entries.delete(key);
    ready.delete(key);
    const version = await entry?.catch(() => undefined);
    await version?.batcher.drain();
    await version?.loaded.close();
  };

  return {
    get: (model, version) => {
      const key = keyOf(model, version);
      const known = entries.get(key);
      if (known) return known;
      const loading = load(model, version);
      entries.set(key, loading);
      loading.catch(() => entries.delete(key)); // a failed load may succeed later
      return loading;
    },
    peek: (model, version) => ready.get(keyOf(model, version)),
    list: () => [...ready.values()],
    keepOnly: async (model, versions) => {
      const keep = new Set(versions.map((version) => keyOf(model, version)));
      const stale = [...entries.keys()].filter((key) => key.startsWith(`${model}@`) && !keep.has(key));
      await Promise.all(stale.map(unload));
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...entries.keys()].map(unload));
    },
  };
}

const keyOf = (model: string, version: number): string => `${model}@${version}`;

/** A few rows of zeros: enough to compile the hot loops before the first caller waits for it. */
function warmupMatrix(columns: number): Matrix {
  const rows = 64;
  return { values: new Float64Array(rows * columns), rows, columns };
}
