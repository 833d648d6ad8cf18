/**
 * Answers kept by the exact bytes of what was asked. The key is a whole SHA-256 digest, not a short hash: two
 * different requests that share an answer would be worse than no cache.
 */
import { createHash } from "node:crypto";
import { ownTensor } from "../../kernel/tensor.ts";
import type { Tensor } from "../../kernel/tensor.ts";
import type { InferenceParameters } from "../../ports/inference-model.ts";

export interface ResponseCache {
  get(key: string): readonly Tensor[] | undefined;
  put(key: string, outputs: readonly Tensor[]): void;
}

/** Keeps the answers used last, up to `entries`. */
export function createResponseCache(entries: number): ResponseCache {
  const answers = new Map<string, readonly Tensor[]>();
  return {
    get: (key) => {
      const known = answers.get(key);
      if (known === undefined) return undefined;
      answers.delete(key); // a Map remembers the order of insertion: used last goes last
      answers.set(key, known);
      return known;
    },
    put: (key, outputs) => {
      answers.set(key, outputs.map(ownTensor));
      if (answers.size > entries) answers.delete(answers.keys().next().value!);
    },
  };
}

/** The digest of everything that the answer depends on. The inputs are in the model's order. */
export function cacheKeyOf(inputs: readonly Tensor[], wanted: readonly string[] | undefined, parameters: InferenceParameters | undefined): string {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([wanted ?? null, inputs.map(({ name, datatype, shape }) => [name, datatype, shape]), parametersText(parameters)]));
  for (const { data } of inputs) {
    if (ArrayBuffer.isView(data)) hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    else for (const element of data) hash.update(`${element.length}:`).update(element);
  }
  return hash.digest("base64");
}

function parametersText(parameters: InferenceParameters | undefined): readonly string[] {
  return parameters === undefined ? [] : Object.keys(parameters).toSorted().map((name) => `${name}=${typeof parameters[name]}:${String(parameters[name])}`);
}
