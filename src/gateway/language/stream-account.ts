/**
 * What one stream has used and whether it is whole: reads every piece, keeps the upstream's usage as the truth, and
 * counts the text itself only where there is none.
 */
import type { JsonObject, StreamPiece } from "../../ports/language-upstream.ts";
import { eachFinish, eachText } from "./answer-text.ts";
import type { TokenUsage } from "./call-policy.ts";
import { createOutputCount } from "./output-count.ts";
import type { OutputCount } from "./output-count.ts";
import type { CountTokens } from "./token-count.ts";
import { usageOf } from "./usage.ts";

export interface PieceReading {
  readonly hasText: boolean;
  /** Nothing but usage: OpenAI's extra chunk after the last choice. */
  readonly isUsageOnly: boolean;
  /** A choice ended with the upstream's limit of tokens. */
  readonly endsByLength: boolean;
}

export interface StreamAccount {
  read(piece: StreamPiece): PieceReading;
  /** Every choice has given its finish reason. */
  isFinished(): boolean;
  hasText(): boolean;
  /** What the upstream said last; undefined when it said nothing, or has sent text since. */
  reported(): TokenUsage | undefined;
  /** Not below what was used so far, without counting; `inputTokens` bounds the input. */
  atMost(inputTokens: number): TokenUsage;
  /** Counted: for a stream that broke, never below what the upstream had reported until then. */
  counted(inputTokens: number, count: CountTokens): TokenUsage;
  readonly finishReasons: readonly string[];
  pieces(): number;
}

export interface StreamAccountOptions {
  /** Answers that were asked for: as many finish reasons make it whole. */
  readonly choices: number;
  /** Sees every chunk. */
  readonly onChunk?: (chunk: JsonObject) => void;
}

export function createStreamAccount({ choices, onChunk }: StreamAccountOptions): StreamAccount {
  const outputs: OutputCount[] = [];
  const finished = new Map<number, string>();
  let last: TokenUsage | undefined;
  let sawText = false;
  let pieces = 0;
  let textIsNewer = false;

  const outputOf = (choice: number): OutputCount => (outputs[choice] ??= createOutputCount());
  const sum = (figure: (output: OutputCount) => number): number => outputs.reduce((total, output) => total + figure(output), 0);

  const usageWith = (inputTokens: number, outputTokens: number): TokenUsage => ({
    inputTokens: last?.inputTokens ?? inputTokens, cachedInputTokens: last?.cachedInputTokens ?? 0,
    outputTokens: Math.max(last?.outputTokens ?? 0, outputTokens), reasoningTokens: last?.reasoningTokens ?? 0,
  });

  return {
    read: ({ chunk, usage: told }) => {
      pieces += 1;
      onChunk?.(chunk);
      let hasText = false;
      let endsByLength = false;
      eachText(chunk, (choice, text) => {
        hasText = true;
        outputOf(choice).push(text);
      });
      eachFinish(chunk, (choice, reason) => {
        finished.set(choice, reason);
        endsByLength ||= reason === "length";
      });
      if (hasText) textIsNewer = true;
      const usage = usageOf(told === undefined ? chunk : { usage: told });
      if (usage !== undefined) {
        last = usage;
        textIsNewer = false;
      }
      sawText ||= hasText;
      return { hasText, endsByLength, isUsageOnly: usage !== undefined && !hasChoices(chunk) };
    },
    isFinished: () => finished.size >= choices,
    hasText: () => sawText,
    reported: () => (textIsNewer ? undefined : last),
    atMost: (inputTokens) => (last !== undefined && !textIsNewer ? last : usageWith(inputTokens, sum((output) => output.atMost()))),
    counted: (inputTokens, count) => (last !== undefined && !textIsNewer ? last : usageWith(inputTokens, sum((output) => output.exact(count)))),
    pieces: () => pieces,
    get finishReasons() { return [...finished.values()]; },
  };
}

function hasChoices({ choices }: JsonObject): boolean {
  return Array.isArray(choices) && choices.length > 0;
}
