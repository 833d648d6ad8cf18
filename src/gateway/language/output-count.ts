/**
 * The tokens of a text that grows piece by piece, in linear time. What lies before a safe place is counted once:
 * o200k's words never reach across the space between two letters, or from a line end into a letter, so the counts of both sides add up.
 */
import type { CountTokens } from "./token-count.ts";

const SAFE_PLACE = /[A-Za-z] (?=[A-Za-z])|\n(?=\p{L})/gu;

export interface OutputCount {
  push(text: string): void;
  /** Not below the tokens so far, without counting: a token is at least one byte. (Where a character joins a counted word of a rare script, by one or two.) */
  atMost(): number;
  /** The tokens so far. Each call brings `atMost` down to it, so near a limit few calls are needed. */
  exact(count: CountTokens): number;
}

export function createOutputCount(): OutputCount {
  let settled = 0;
  let tail = "";
  let tailTokens = 0;
  let fresh: string[] = [];
  let freshBytes = 0;

  return {
    push: (text) => {
      fresh.push(text);
      freshBytes += Buffer.byteLength(text);
    },
    atMost: () => settled + tailTokens + freshBytes,
    exact: (count) => {
      if (fresh.length === 0) return settled + tailTokens;
      const text = tail + fresh.join("");
      fresh = [];
      freshBytes = 0;
      const safe = lastSafePlace(text);
      if (safe > 0) settled += count(text.slice(0, safe));
      tail = text.slice(safe);
      tailTokens = tail === "" ? 0 : count(tail);
      return settled + tailTokens;
    },
  };
}

/** Where the text may be divided so that the counts of both sides add up: as late as possible; 0: nowhere. */
function lastSafePlace(text: string): number {
  let place = 0;
  for (const match of text.matchAll(SAFE_PLACE)) place = match.index + 1;
  return place;
}
