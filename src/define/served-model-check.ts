/** The rules of served models: versions that can be told apart, aliases that lead somewhere, sizes that make sense. */
import type { Problem } from "../kernel/errors.ts";
import type { TensorSpec } from "../kernel/tensor.ts";
import type { FunctionSource, ModelSource, OpenInferenceSource, ServedModel } from "./served-model.ts";

const VERSION = /^[1-9]\d{0,14}$/;
/** More sessions than this on one machine only take memory from each other. */
const MAX_INSTANCES = 64;

export function checkServedModel(model: ServedModel): readonly Problem[] {
  const path = `servedModels.${model.name}`;
  const versions = Object.keys(model.versions);
  const { policy } = model;
  return [
    ...(versions.length > 0 ? [] : [problem(`${path}.versions`, "has neither a source nor versions", "empty")]),
    ...versions.filter((version) => !VERSION.test(version)).map((version) => problem(`${path}.versions.${version}`, "a version is a positive whole number as text; use aliases for names", "bad-version")),
    ...(policy.kind === "specific" ? policy.versions : []).filter((version) => !versions.includes(version)).map((version) => problem(`${path}.policy`, `there is no version "${version}"`, "unknown-version")),
    ...(policy.kind === "latest" ? whole(`${path}.policy`, policy.count, 1) : []),
    ...Object.entries(model.aliases).flatMap(([alias, version]) => checkAlias(`${path}.aliases.${alias}`, { alias, version, versions })),
    ...whole(`${path}.batching.maxRows`, model.batching.maxRows, 1), ...whole(`${path}.batching.maxBytes`, model.batching.maxBytes, 1, Number.MAX_SAFE_INTEGER), ...whole(`${path}.batching.maxQueueRows`, model.batching.maxQueueRows, 1), ...whole(`${path}.batching.priorities`, model.batching.priorities, 1, 100),
    ...model.batching.preferredRows.filter((rows) => !Number.isInteger(rows) || rows < 1 || rows > model.batching.maxRows).map((rows) => problem(`${path}.batching.preferredRows`, `${rows} is not between 1 and maxRows ${model.batching.maxRows}`, "out-of-range")),
    ...whole(`${path}.instances`, model.instances, 1, MAX_INSTANCES), ...whole(`${path}.cacheEntries`, model.cacheEntries, 0),
    ...Object.entries(model.versions).flatMap(([version, source]) => checkSource(`${path}.versions.${version}`, source)),
  ];
}

function checkAlias(path: string, { alias, version, versions }: { readonly alias: string; readonly version: string; readonly versions: readonly string[] }): Problem[] {
  if (/^\d/.test(alias)) return [problem(path, "an alias that begins with a digit looks like a version", "bad-name")];
  return versions.includes(version) ? [] : [problem(path, `there is no version "${version}"`, "unknown-version")];
}

function checkSource(path: string, source: ModelSource): Problem[] {
  switch (source.kind) {
    case "onnx": return source.file === "" ? [problem(path, "names no file", "empty")] : [];
    case "function": return checkFunction(path, source);
    case "open-inference": return checkRemote(path, source);
  }
}

function checkFunction(path: string, { inputs, outputs, isBatchable }: FunctionSource): Problem[] {
  return [
    ...(inputs.length > 0 ? [] : [problem(`${path}.inputs`, "names no input", "empty")]),
    ...(outputs.length > 0 ? [] : [problem(`${path}.outputs`, "names no output", "empty")]),
    ...[...inputs, ...outputs].flatMap((spec) => checkTensor(`${path}.${spec.name}`, spec)),
    ...(isBatchable ? [...inputs, ...outputs].filter(({ shape }) => shape[0] !== -1).map(({ name }) => problem(`${path}.${name}`, "the first dimension of a model that batches is the batch: -1, or say isBatchable: false", "no-batch-dimension")) : []),
  ];
}

/** Sizes are whole numbers; -1 is any. */
export function checkTensor(path: string, { shape }: TensorSpec): Problem[] {
  return shape.every((size) => Number.isInteger(size) && size >= -1) ? [] : [problem(path, `shape [${shape.join(",")}] has a size that is neither a whole number nor -1`, "bad-shape")];
}

function checkRemote(path: string, { urls }: OpenInferenceSource): Problem[] {
  return [
    ...(urls.length > 0 ? [] : [problem(path, "names no address", "empty")]),
    ...urls.filter((url) => !/^https?:$/.test(URL.parse(url)?.protocol ?? "")).map((url) => problem(path, `"${url}" is not an http address`, "bad-url")),
    ...(new Set(urls).size === urls.length ? [] : [problem(path, "names an address twice", "duplicate")]),
  ];
}

function whole(path: string, value: number, least: number, most = 1_000_000): Problem[] {
  return Number.isInteger(value) && value >= least && value <= most ? [] : [problem(path, `${value} is not a whole number between ${least} and ${most}`, "out-of-range")];
}

function problem(path: string, message: string, code: string): Problem {
  return { path, message, code };
}
