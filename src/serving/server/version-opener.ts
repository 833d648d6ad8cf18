/** Opens a version of a plan: its instances by what it is made of, in front of them the batcher, the cache and the counts. */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import type { InferenceModel, InferenceRuntimes } from "../../ports/inference-model.ts";
import { createFunctionModel } from "../models/function-model.ts";
import { createRunningVersion } from "../models/running-version.ts";
import type { RunningVersion } from "../models/running-version.ts";
import { createVersionStatistics } from "../models/version-statistics.ts";
import type { ServingInstruments, VersionStatistics } from "../models/version-statistics.ts";
import type { ModelPlan, PlannedSource } from "./model-plan.ts";

export interface VersionOpenerOptions {
  readonly runtimes: InferenceRuntimes;
  readonly clock: Clock;
  readonly instruments: ServingInstruments;
  /** A graph as a model that asks the others. */
  readonly openGraph: (source: Extract<PlannedSource, { kind: "graph" }>) => InferenceModel;
}

export function createVersionOpener({ runtimes, clock, instruments, openGraph }: VersionOpenerOptions): (plan: ModelPlan, version: string) => Promise<RunningVersion> {
  /** Counts go on over reloads, as a caller who asks twice expects. */
  const statistics = new Map<string, VersionStatistics>();
  const statisticsOf = (model: string, version: string): VersionStatistics => {
    const key = `${model}/${version}`;
    const known = statistics.get(key);
    if (known) return known;
    const created = createVersionStatistics(model, version, instruments);
    statistics.set(key, created);
    return created;
  };
  const openInstance = async (source: PlannedSource, describe: { readonly model: string; readonly version: string }): Promise<InferenceModel> => {
    switch (source.kind) {
      case "function": return createFunctionModel(source, describe.model);
      case "onnx": return runtimes.openOnnx(source.artifact, describe);
      case "open-inference": return runtimes.openRemote(source, describe);
      case "graph": return openGraph(source);
    }
  };
  return async (plan, version) => {
    const model = plan.name;
    const source = plan.versions.get(version);
    if (source === undefined) throw new StrataError("MODEL_VERSION_NOT_FOUND", { model, version });
    const instances = source.kind === "graph" || source.kind === "open-inference" ? 1 : plan.instances;
    const opened = await Promise.allSettled(Array.from({ length: instances }, () => openInstance(source, { model, version })));
    const models = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const failed = opened.find((result) => result.status === "rejected");
    if (failed) {
      await Promise.allSettled(models.map((one) => one.close()));
      throw loadFailure(model, failed.reason);
    }
    return createRunningVersion({ model, version, instances: models, batching: plan.batching, cacheEntries: plan.cacheEntries, clock, statistics: statisticsOf(model, version) });
  };
}

/** Why a model could not be loaded, in the words of the repository protocol. */
export function loadFailure(model: string, thrown: unknown): StrataError {
  if (isStrataError(thrown) && thrown.code !== "INTERNAL") return thrown;
  return new StrataError("MODEL_LOAD_FAILED", { model, reason: reasonOf(thrown) }, { cause: thrown });
}
