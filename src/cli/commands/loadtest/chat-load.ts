/** `strata loadtest chat`: language models behind the OpenAI API, streaming or not. */
import { chatRequests } from "../../../platform/load-test.ts";
import { defineCommand } from "../../command.ts";
import type { CommandContext } from "../../command.ts";
import type { OptionValues } from "../../option.ts";
import { LOAD_OPTIONS, addressOf, headersOf } from "./load-options.ts";
import type { LoadOptionValues } from "./load-options.ts";
import type { LoadTarget } from "./load-target.ts";
import { renderResult } from "./render-result.ts";
import { runOrSearch } from "./run-or-search.ts";
import { SEARCH_OPTIONS } from "./search-options.ts";

const CHAT_OPTIONS = {
  model: { type: "string", required: true, description: "Name of the model" },
  stream: { type: "boolean", default: true, description: "Stream the answers: time to first token, gaps between frames, tokens/s" },
  promptTokens: { type: "number", integer: true, minimum: 1, maximum: 200_000, default: 200, description: "About how many tokens a prompt has" },
  maxTokens: { type: "number", integer: true, minimum: 1, default: 64, description: "Most tokens of an answer" },
  prompts: { type: "number", integer: true, minimum: 1, maximum: 10_000, description: "Only this many different prompts, in turn, so that caches help (default: each is new)" },
  key: { type: "string", placeholder: "text", description: "API key (default $STRATA_TOKEN, which other users of the machine cannot see)" },
  sequence: { type: "string", placeholder: "pattern", description: "Regular expression that finds the number of a frame in its text, to count lost frames: '#(\\d+)'" },
} as const;

export const chatLoad = defineCommand({
  name: "chat",
  summary: "Load on a language model behind the OpenAI API",
  description: [
    "POST /v1/chat/completions with prompts of about the size asked for. A stream counts as answered when it says that it is complete: one that ends without [DONE], or with an error event, has failed, however cleanly the connection was closed.",
    "With --connections that many streams are held at once; with --rate streams begin at that rate.",
  ].join("\n"),
  options: { ...CHAT_OPTIONS, ...LOAD_OPTIONS, ...SEARCH_OPTIONS },
  positionals: { url: { description: "Address of the server, with or without /v1" } },
  examples: [
    { command: "strata loadtest chat http://127.0.0.1:4180 --model assistant --connections 32", note: "32 streams at once" },
    { command: "strata loadtest chat http://127.0.0.1:4180 --model assistant --no-stream --rate 50", note: "whole answers, 50 requests a second" },
  ],
  run: async (context) => runOrSearch(chatTarget(context), context),
  render: (result, context) => renderResult(result, context),
});

interface ChatContext extends Pick<CommandContext, "usageError" | "environment"> {
  readonly options: LoadOptionValues & OptionValues<typeof CHAT_OPTIONS>;
  readonly positionals: { readonly url: string };
}

/** Prompts made beforehand; every request has an id of its own besides. */
const PROMPTS = 32;

function chatTarget({ options, positionals: { url }, usageError, environment }: ChatContext): LoadTarget {
  const { model, stream, promptTokens, maxTokens, prompts, seed, sequence } = options;
  const address = addressOf(url, { insecure: options.insecure, usageError });
  if (sequence !== undefined && !isPattern(sequence)) throw usageError(`--sequence "${sequence}" is not a regular expression.`);
  const key = options.key ?? environment["STRATA_TOKEN"];
  const path = `${address.path.replace(/\/+$/, "").replace(/\/v1$/, "")}/v1/chat/completions`;
  const bodies = chatRequests({ model, stream, promptTokens, maxTokens, prompts: prompts ?? PROMPTS, isAlwaysNew: prompts === undefined, seed });
  const headers = { "content-type": "application/json", ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), ...headersOf(options.header, usageError) };
  return {
    title: `chat with ${model} at ${address.origin}${stream ? ", streaming" : ""}`, address,
    exchange: { kind: stream ? "stream" : "http", method: "POST", path, headers, bodies, ...(stream && sequence !== undefined ? { sequence } : {}) },
    notes: [`about ${promptTokens} tokens in, at most ${maxTokens} out`, prompts === undefined ? "every prompt is new" : `${prompts} prompts in turn`],
  };
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, "g").global;
  } catch {
    return false;
  }
}
