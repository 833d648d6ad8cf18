/**
 * A help desk that serves models and language models: a function that reads tickets, an ONNX model in two versions that says how
 * urgent they are, a graph of both, and an assistant on two upstreams behind guardrails, a cache and budgeted keys.
 *
 *   node --conditions=source examples/serving/main.ts      everything, with traffic and two mock upstreams
 *   strata up examples/serving/app.ts                      the same definition alone, on upstreams of your own
 *
 * A real upstream is one line: defineUpstream("openai", { url: "https://api.openai.com/v1", apiKey: secret("OPENAI_API_KEY") }).
 */
import {
  defineApplication, defineInferenceGraph, defineLanguageModel, defineServedModel, defineUpstream, denyList, functionModel, onnxModel, redactPersonalData, sequence, step, target, tensor,
} from "strata";
import type { Application } from "strata";
import { TICKET_FEATURES, featuresOf, toneOf } from "./ticket-features.ts";

export interface Places {
  /** OpenAI-compatible servers, each with "/v1". */
  readonly mainUrl: string;
  readonly spareUrl: string;
  /** Folder of the ONNX files: absolute, or relative to this file. */
  readonly models: string;
}

export function helpdesk({ mainUrl, spareUrl, models }: Places): Application {
  const text = tensor("BYTES", [-1, 1]);
  const batching = { maxRows: 8, preferredRows: [4], maxDelay: "3ms" } as const;

  const ticketFeatures = defineServedModel("ticket_features", {
    description: "What a ticket looks like, as numbers.",
    source: functionModel({
      inputs: { text }, outputs: { features: tensor("FP32", [-1, TICKET_FEATURES.length]) },
      infer: ({ text: { shape, data } }) => ({ features: { shape: [shape[0]!, TICKET_FEATURES.length], data: Float32Array.from(data.flatMap((one) => featuresOf(textOf(one)))) } }),
    }),
    cacheEntries: 500,
  });

  const urgency = defineServedModel("urgency", {
    description: "How likely a ticket cannot wait: boosted trees as ONNX, on 300 tickets and on 3,000.",
    versions: { 1: onnxModel(`${models}/urgency-1.onnx`), 2: onnxModel(`${models}/urgency-2.onnx`) },
    policy: { kind: "all" }, aliases: { small: "1", large: "2" }, batching,
  });

  const tone = defineServedModel("tone", {
    description: "Friendly or not: two word lists, one against the other.",
    versions: { 1: toneModel("plain"), 2: toneModel("careful") }, policy: { kind: "all" }, batching,
  });

  const triage = defineInferenceGraph("triage", {
    description: "From the text of a ticket to its urgency.",
    inputs: { text }, outputs: { urgency: tensor("FP32", [-1, 1]) },
    root: sequence(step(ticketFeatures), step(urgency, { outputs: { predictions: "urgency" } })),
  });

  const main = defineUpstream("main", { url: mainUrl });
  const spare = defineUpstream("spare", { url: spareUrl });
  const assistant = defineLanguageModel("assistant", {
    description: "Answers customers; the small model steps in where the large one cannot.",
    targets: [
      target(main, { model: "large", inputUsdPerMillion: 2.5, outputUsdPerMillion: 10, maxOutputTokens: 256 }),
      target(spare, { model: "small", inputUsdPerMillion: 0.15, outputUsdPerMillion: 0.6, maxOutputTokens: 256 }),
    ],
    cacheFor: "1m", firstTokenTimeout: "3s", retries: 2,
    guardrails: [redactPersonalData({ restoresAnswer: true }), denyList({ terms: ["project bluebird"] })],
  });
  const summaries = defineLanguageModel("summaries", {
    description: "One line per ticket, as cheap as it gets.",
    targets: [target(spare, { model: "small", inputUsdPerMillion: 0.15, outputUsdPerMillion: 0.6, maxOutputTokens: 64 })],
  });

  return defineApplication("helpdesk", [ticketFeatures, urgency, tone, triage, assistant, summaries]);
}

function toneModel(kind: "plain" | "careful") {
  return functionModel({
    inputs: { text: tensor("BYTES", [-1, 1]) }, outputs: { tone: tensor("FP32", [-1, 1]) },
    infer: ({ text: { shape, data } }) => ({ tone: { shape: [shape[0]!, 1], data: Float32Array.from(data, (one) => toneOf(textOf(one), kind)) } }),
  });
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export default helpdesk({ mainUrl: "http://127.0.0.1:4190/v1", spareUrl: "http://127.0.0.1:4191/v1", models: "models" });
