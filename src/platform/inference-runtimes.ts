/** What opens models that are not functions: onnxruntime, and other Open Inference servers, one or several as replicas. */
import { artifactBytes, openOnnxModel } from "../engines/onnx/onnx-model.ts";
import { openOpenInferenceModel } from "../engines/open-inference/open-inference-model.ts";
import type { Clock } from "../kernel/clock.ts";
import type { InferenceModel, InferenceRuntimes, ModelDescription, RemoteModel } from "../ports/inference-model.ts";
import type { Meter } from "../ports/telemetry.ts";
import { openRemoteReplicas } from "./remote-replicas.ts";
import { openTreesOrOnnx } from "./tree-shortcut.ts";
import type { FleetReport, ReplicaSet } from "../serving/index.ts";

export interface InferenceRuntimesOptions {
  readonly clock: Clock;
  readonly meter: Meter;
}

export interface PlatformRuntimes extends InferenceRuntimes {
  /** How the replicas of a loaded remote version do; undefined for one that runs here or on one server. */
  fleetOf(model: string, version: string): FleetReport | undefined;
}

export function createInferenceRuntimes({ clock, meter }: InferenceRuntimesOptions): PlatformRuntimes {
  /** The latest of each version; an unloaded one stays until it is opened again. */
  const sets = new Map<string, ReplicaSet>();
  const monotonicMs = (): number => clock.monotonicMs();
  const openOne = (url: string, { model, version }: RemoteModel, describe: ModelDescription): Promise<InferenceModel> =>
    openOpenInferenceModel({ url, model: model ?? describe.model, version, monotonicMs }, describe);
  return {
    openOnnx: async (artifact, describe) => {
      const openOnnx = (): Promise<InferenceModel> => openOnnxModel(artifact, describe, { monotonicMs });
      const bytes = await artifactBytes(artifact).catch(() => undefined);
      return bytes === undefined ? openOnnx() : openTreesOrOnnx(bytes, describe, openOnnx); // who opens a file that is not there says so
    },
    openRemote: async (remote, describe) => {
      if (remote.urls.length === 1) return openOne(remote.urls[0]!, remote, describe);
      const set = await openRemoteReplicas({ remote, describe, clock, meter, openOne: (url) => openOne(url, remote, describe) });
      sets.set(keyOf(describe), set);
      return set;
    },
    fleetOf: (model, version) => sets.get(keyOf({ model, version }))?.report(),
  };
}

const keyOf = ({ model, version }: ModelDescription): string => `${model}/${version}`;
