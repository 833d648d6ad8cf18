/** What a definition's upstreams and language models must satisfy beyond their types. */
import type { Problem } from "../kernel/errors.ts";
import type { Application } from "./application-type.ts";
import type { LanguageModel, Target, Upstream } from "./language-model.ts";

/** As models are named elsewhere: "gpt-5-mini", "meta-llama/Llama-3.3-70B", "qwen3:8b". It stands in a path and in logs. */
const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function checkLanguageModels({ upstreams, languageModels }: Application): readonly Problem[] {
  return [...[...upstreams.values()].flatMap(checkUpstream), ...[...languageModels.values()].flatMap(checkLanguageModel)];
}

function checkUpstream({ name, dialect, url, apiKey, connections }: Upstream): readonly Problem[] {
  const path = `upstreams.${name}`;
  const isAddress = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  return [
    ...(MODEL_NAME.test(name) ? [] : [problem(path, `"${name}" is not a name: use letters, digits and . _ : / -`, "bad-name")]),
    ...(dialect === "llama" ? (url === "" ? [problem(`${path}.url`, "names no GGUF file", "empty")] : []) : isAddress ? [] : [problem(`${path}.url`, `"${url}" is not an http or https address`, "bad-url")]),
    ...(apiKey === undefined || VARIABLE.test(apiKey.variable) ? [] : [problem(`${path}.apiKey`, "must be the name of an environment variable, not the secret itself", "bad-name")]),
    ...range(`${path}.connections`, connections, { least: 1, most: 65_536 }),
  ];
}

function checkLanguageModel({ name, targets, retries, semanticCache }: LanguageModel): readonly Problem[] {
  const path = `languageModels.${name}`;
  return [
    ...(MODEL_NAME.test(name) ? [] : [problem(path, `"${name}" is not a name: use letters, digits and . _ : / -`, "bad-name")]),
    ...(targets.length > 0 ? [] : [problem(`${path}.targets`, "names no target", "empty")]),
    ...targets.flatMap((target, at) => checkTarget(`${path}.targets.${at}`, target)),
    ...range(`${path}.retries`, retries, { least: 0, most: 20 }),
    ...(semanticCache === undefined ? [] : range(`${path}.semanticCache.minSimilarity`, semanticCache.minSimilarity, { least: 0, most: 1, isWhole: false })),
  ];
}

function checkTarget(path: string, { model, weight, maxOutputTokens, inputUsdPerMillion, cachedInputUsdPerMillion, outputUsdPerMillion }: Target): readonly Problem[] {
  const price = (member: string, value: number | undefined): readonly Problem[] => (value === undefined ? [] : range(`${path}.${member}`, value, { least: 0, most: 1_000_000, isWhole: false }));
  return [
    ...(model === "" ? [problem(`${path}.model`, "names no model", "empty")] : []),
    ...(weight > 0 && Number.isFinite(weight) ? [] : [problem(`${path}.weight`, "must be above 0", "out-of-range")]),
    ...range(`${path}.maxOutputTokens`, maxOutputTokens, { least: 1, most: 100_000_000 }),
    ...price("inputUsdPerMillion", inputUsdPerMillion), ...price("cachedInputUsdPerMillion", cachedInputUsdPerMillion), ...price("outputUsdPerMillion", outputUsdPerMillion),
  ];
}

interface Range {
  readonly least: number;
  readonly most: number;
  readonly isWhole?: boolean;
}

function range(path: string, value: number, { least, most, isWhole = true }: Range): readonly Problem[] {
  const isFine = value >= least && value <= most && (!isWhole || Number.isInteger(value));
  return isFine ? [] : [problem(path, `must be ${isWhole ? "a whole number " : ""}from ${least} to ${most}, not ${value}`, "out-of-range")];
}

function problem(path: string, message: string, code: string): Problem {
  return { path, message, code };
}
