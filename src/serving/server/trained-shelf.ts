/** The models that Strata trains, as the model server shows them: versions from the registry, the champion by default. */
import { StrataError } from "../../kernel/errors.ts";
import type { ModelPool, ServingVersion } from "../model-pool.ts";
import type { RepositoryEntry } from "../model-server.ts";
import type { RunningVersion } from "../models/running-version.ts";
import { createTrainedVersion } from "../models/trained-version.ts";

export interface TrainedModels {
  /** The models of the definition, by name. */
  readonly models: () => ReadonlyMap<string, unknown>;
  /** The version that answers when the caller names none. */
  readonly champion: (model: string) => number | undefined;
  readonly pool: ModelPool;
}

export interface TrainedShelf {
  has(model: string): boolean;
  names(): readonly string[];
  /** MODEL_NOT_READY without a champion, MODEL_VERSION_NOT_FOUND. */
  version(model: string, version: string | undefined): Promise<RunningVersion>;
  /** The version if it is in memory already. */
  peek(model: string, version: string | undefined): RunningVersion | undefined;
  loaded(model?: string): readonly RunningVersion[];
  entries(): readonly RepositoryEntry[];
  /** Requests through the server are refused until `release`; endpoints go on. */
  holdBack(model: string): void;
  release(model: string): void;
}

const isVersionNumber = (text: string): boolean => /^[1-9]\d{0,14}$/.test(text);

export function createTrainedShelf({ models, champion, pool }: TrainedModels): TrainedShelf {
  const versions = new WeakMap<ServingVersion, RunningVersion>();
  const heldBack = new Set<string>();
  const running = (serving: ServingVersion): RunningVersion => {
    const known = versions.get(serving);
    if (known) return known;
    const created = createTrainedVersion(serving);
    versions.set(serving, created);
    return created;
  };
  const numberOf = (model: string, version: string | undefined): number => {
    if (version !== undefined && version !== "champion" && !isVersionNumber(version)) throw new StrataError("MODEL_VERSION_NOT_FOUND", { model, version });
    if (heldBack.has(model)) throw new StrataError("MODEL_UNAVAILABLE", { model, version: version ?? "champion", reason: "unloaded" }, { retryAfterSeconds: 5 });
    const number = version === undefined || version === "champion" ? champion(model) : Number(version);
    if (number === undefined) throw new StrataError("MODEL_NOT_READY", { model }, { retryAfterSeconds: 5 });
    return number;
  };
  const entriesOf = (model: string): readonly RepositoryEntry[] => {
    const loaded = pool.list().filter((serving) => serving.model === model).map((serving) => serving.version).toSorted((a, b) => a - b);
    if (heldBack.has(model)) return [{ name: model, version: String(champion(model) ?? ""), state: "UNAVAILABLE", reason: "unloaded" }];
    if (loaded.length > 0) return loaded.map((version) => ({ name: model, version: String(version), state: "READY", reason: "" }));
    const best = champion(model);
    return [{ name: model, version: String(best ?? ""), state: "UNAVAILABLE", reason: best === undefined ? "it has no version yet" : "not loaded yet" }];
  };
  return {
    names: () => [...models().keys()],
    has: (model) => models().has(model),
    version: async (model, version) => running(await pool.get(model, numberOf(model, version))),
    peek: (model, version) => {
      const serving = pool.peek(model, numberOf(model, version));
      return serving && running(serving);
    },
    loaded: (model) => pool.list().filter((serving) => model === undefined || serving.model === model).map(running),
    entries: () => [...models().keys()].flatMap(entriesOf),
    holdBack: (model) => { heldBack.add(model); },
    release: (model) => { heldBack.delete(model); },
  };
}
