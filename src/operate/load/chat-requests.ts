/** Requests of the OpenAI chat API for a load: prompts of about a number of tokens, each different. */
import { createRandom } from "../../kernel/random.ts";

/** Common words that are one token with the space before them in the vocabularies of current models. */
const WORDS = [
  "the", "time", "people", "water", "number", "day", "part", "place", "work", "week", "case", "point", "company", "group", "problem", "fact",
  "house", "service", "friend", "power", "hour", "game", "line", "end", "city", "name", "team", "minute", "idea", "body", "back", "parent",
  "face", "level", "office", "door", "health", "person", "art", "war", "history", "party", "result", "change", "morning", "reason", "research", "moment",
] as const;

export interface ChatRequestOptions {
  readonly model: string;
  readonly stream: boolean;
  /** About this many tokens of prompt. */
  readonly promptTokens: number;
  readonly maxTokens: number;
  /** Different prompts. They repeat unless `isAlwaysNew`. */
  readonly prompts: number;
  /** Every request carries an id, so that no cache of whole answers can serve it. */
  readonly isAlwaysNew: boolean;
  readonly seed: number;
}

/** Bodies in which `{{id}}` stands where each request must differ. */
export function chatRequests(options: ChatRequestOptions): readonly string[] {
  const { model, stream, promptTokens, maxTokens, prompts, isAlwaysNew, seed } = options;
  const random = createRandom(seed);
  return Array.from({ length: prompts }, () => {
    const words = Array.from({ length: Math.max(1, promptTokens - (isAlwaysNew ? ID_TOKENS : 0)) }, () => random.pick(WORDS)).join(" ");
    return JSON.stringify({
      model, messages: [{ role: "user", content: isAlwaysNew ? `{{id}} ${words}` : words }], max_tokens: maxTokens,
      ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
    });
  });
}

/** What 20 characters of an id take. */
const ID_TOKENS = 12;
