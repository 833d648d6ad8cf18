/** What a call may cost at most, read from its body before anything is sent. */
import type { LanguageModel, Target } from "../../define/language-model.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { JsonObject, UpstreamOperation } from "../../ports/language-upstream.ts";
import type { TokenPrice } from "./call-policy.ts";

export interface CallBounds {
  /** Answers asked for at once (`n`). */
  readonly choices: number;
  /** Output tokens of one choice that the caller asked for; undefined: no limit named. */
  readonly asked: number | undefined;
  /** Of all choices, at the target that allows most. */
  readonly outputTokens: number;
  readonly price: TokenPrice;
}

const MAX_CHOICES = 128;

export function boundsOf(model: LanguageModel, operation: UpstreamOperation, body: JsonObject): CallBounds {
  const price = dearest(model.targets);
  if (operation === "embeddings") return { choices: 0, asked: 0, outputTokens: 0, price };
  const choices = Math.max(wholeNumber(body, "n", MAX_CHOICES) ?? 1, operation === "text_completion" ? wholeNumber(body, "best_of", MAX_CHOICES) ?? 1 : 1);
  const asked = wholeNumber(body, "max_completion_tokens") ?? wholeNumber(body, "max_tokens");
  const most = asked ?? Math.max(...model.targets.map((target) => target.maxOutputTokens));
  return { choices: choices * promptsOf(operation, body), asked, outputTokens: most * choices * promptsOf(operation, body), price };
}

/** Nano-dollars per token. */
export function priceOf({ inputUsdPerMillion, cachedInputUsdPerMillion, outputUsdPerMillion }: Target): TokenPrice {
  return {
    input: inputUsdPerMillion * 1_000, output: outputUsdPerMillion * 1_000,
    ...(cachedInputUsdPerMillion === undefined ? {} : { cachedInput: cachedInputUsdPerMillion * 1_000 }),
  };
}

function dearest(targets: readonly Target[]): TokenPrice {
  const prices = targets.map(priceOf);
  const most = (figure: (price: TokenPrice) => number): number => Math.max(0, ...prices.map(figure));
  return { input: most(({ input, cachedInput = 0 }) => Math.max(input, cachedInput)), output: most(({ output }) => output) };
}

/** The completions API answers each prompt of a list. */
function promptsOf(operation: UpstreamOperation, { prompt }: JsonObject): number {
  return operation === "text_completion" && Array.isArray(prompt) && typeof prompt[0] !== "number" ? Math.max(1, prompt.length) : 1;
}

function wholeNumber(body: JsonObject, member: string, most = Number.MAX_SAFE_INTEGER): number | undefined {
  const value = body[member];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new StrataError("REQUEST_INVALID", { reason: `${member} must be a whole number of at least 1${most < Number.MAX_SAFE_INTEGER ? ` and at most ${most}` : ""}, not ${JSON.stringify(value)}.` });
}
