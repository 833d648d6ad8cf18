import assert from "node:assert/strict";
import { test } from "node:test";
import { isStrataError } from "../kernel/errors.ts";
import { defineApplication, defineLanguageModel, defineUpstream, secret, target } from "./index.ts";

const upstream = defineUpstream("openai", { url: "https://api.openai.com/v1", apiKey: secret("OPENAI_API_KEY") });
const pathsOf = (resources: Parameters<typeof defineApplication>[1]): readonly string[] => {
  try {
    defineApplication("app", resources);
    return [];
  } catch (thrown) {
    return isStrataError(thrown) ? thrown.problems.map(({ path }) => path) : [String(thrown)];
  }
};

test("names as models have them elsewhere are fine", () => {
  assert.deepEqual(pathsOf([defineLanguageModel("meta-llama/Llama-3.3-70B", { targets: [target(upstream, { model: "gpt-5-mini" })] })]), []);
});

test("every problem is told, with its place", () => {
  const bad = defineUpstream("bad", { url: "api.openai.com", apiKey: secret("sk-123") });
  const model = defineLanguageModel("a b", { retries: -1, targets: [target(bad, { model: "", weight: 0, maxOutputTokens: 0.5, outputUsdPerMillion: -1 })] });
  assert.deepEqual(pathsOf([model, defineLanguageModel("none", { targets: [] })]), [
    "upstreams.bad.url", "upstreams.bad.apiKey", "languageModels.a b", "languageModels.a b.targets.0.model", "languageModels.a b.targets.0.weight",
    "languageModels.a b.targets.0.maxOutputTokens", "languageModels.a b.targets.0.outputUsdPerMillion", "languageModels.a b.retries", "languageModels.none.targets",
  ]);
});
