/** Plans of models that come as files: from the repository, or with a load request. Pure. */
import { batchingOf } from "../../define/index.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { RepositoryModel } from "../../ports/model-repository.ts";
import type { LoadOptions } from "../model-server.ts";
import type { ModelPlan, PlannedSource } from "./model-plan.ts";
import { readSettings } from "./model-settings.ts";

const blankPlan = (name: string): ModelPlan => ({
  name, description: "", versions: new Map(), policy: { kind: "latest", count: 1 }, aliases: {}, batching: batchingOf(), instances: 1, cacheEntries: 0, load: "start",
});

/** What a model of the repository asks for. MODEL_LOAD_FAILED when its settings do not fit. */
export function planOfRepositoryModel({ name, versions, settings }: RepositoryModel): ModelPlan {
  const base = blankPlan(name);
  const sources = [...versions].map(([version, file]): [string, PlannedSource] => [version, { kind: "onnx", artifact: { file } }]);
  return { ...base, versions: new Map(sources), ...readSettings(name, settings, base.batching) };
}

const UPLOAD = /^([1-9]\d{0,14})\/model\.onnx$/;

/** The plan with what a load request brings: settings for this load, and files in place of the model's own. */
export function planOfLoad(name: string, base: ModelPlan | undefined, { config, files }: LoadOptions): ModelPlan | undefined {
  if (base === undefined && (files === undefined || files.size === 0)) return undefined;
  const plan = base ?? blankPlan(name);
  const versions = files === undefined || files.size === 0 ? plan.versions : new Map([...files].map(([path, bytes]) => uploaded(name, path, bytes)));
  return { ...plan, versions, ...readSettings(name, config, plan.batching) };
}

function uploaded(model: string, path: string, bytes: Uint8Array): [string, PlannedSource] {
  const version = UPLOAD.exec(path)?.[1];
  if (version === undefined) throw new StrataError("MODEL_LOAD_FAILED", { model, reason: `file "${path}" has no place; expected <version>/model.onnx` });
  return [version, { kind: "onnx", artifact: { bytes: new Uint8Array(bytes) } }]; // the request's buffer is not ours to keep
}
