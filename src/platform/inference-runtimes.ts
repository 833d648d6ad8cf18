/** What opens models that are not functions: onnxruntime, and other Open Inference servers, one or several as replicas. */
import { randomInt } from "node:crypto";
import { openOnnxModel } from "../engines/onnx/onnx-model.ts";
import { openOpenInferenceModel } from "../engines/open-inference/open-inference-model.ts";
import type { Clock } from "../kernel/clock.ts";
import { createRandom } from "../kernel/random.ts";
import type { InferenceModel, InferenceRuntimes, ModelDescription, RemoteModel } from "../ports/inference-model.ts";
import type { Meter } from "../ports/telemetry.ts";
import { createReplicaSet } from "../serving/index.ts";

export interface InferenceRuntimesOptions {
  readonly clock: Clock;
  readonly meter: Meter;
}

export function createInferenceRuntimes({ clock, meter }: InferenceRuntimesOptions): InferenceRuntimes {
  const monotonicMs = (): number => clock.monotonicMs();
  const openOne = (url: string, { model, version }: RemoteModel, describe: ModelDescription): Promise<InferenceModel> =>
    openOpenInferenceModel({ url, model: model ?? describe.model, version, monotonicMs }, describe);
  return {
    openOnnx: (artifact, describe) => openOnnxModel(artifact, describe, { monotonicMs }),
    openRemote: async (remote, describe) => {
      if (remote.urls.length === 1) return openOne(remote.urls[0]!, remote, describe);
      const opened = await Promise.allSettled(remote.urls.map((url) => openOne(url, remote, describe)));
      const replicas = opened.flatMap((result, at) => (result.status === "fulfilled" ? [{ name: remote.urls[at]!, model: result.value }] : []));
      const failed = opened.find((result) => result.status === "rejected");
      if (failed && replicas.length === 0) throw failed.reason;
      return createReplicaSet({ name: describe.model, replicas, clock, random: createRandom(randomInt(2 ** 32)), meter });
    },
  };
}
