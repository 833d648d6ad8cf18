/**
 * Refuses texts that contain a denied term or match a denied pattern. Terms are found as whole words, whatever their
 * case, width or spacing, also with invisible characters between their letters. A stream is held back by the longest
 * term only; with patterns, whose matches can have any length, it is held back whole.
 */
import { plainText, termPattern } from "./guardrail-terms.ts";
import type { AnswerFilter, FilteredText, Guardrail, GuardrailVerdict } from "./guardrail.ts";

export interface DenyListOptions {
  /** Default "deny-list". */
  readonly name?: string;
  readonly terms?: readonly string[];
  readonly patterns?: readonly RegExp[];
  /** Default "both". */
  readonly where?: "request" | "answer" | "both";
}

export function denyList({ name = "deny-list", terms = [], patterns = [], where = "both" }: DenyListOptions): Guardrail {
  const denied = termPattern(terms);
  const longest = Math.max(0, ...terms.map((term) => plainText(term).length));
  const matches = (text: string): string | undefined => denied?.exec(plainText(text))?.[0] ?? patterns.find((pattern) => text.search(pattern) >= 0)?.source;
  const inRequest = where !== "answer" && {
    checkRequest: (messages: readonly { readonly text: string }[]): GuardrailVerdict => {
      const found = messages.map(({ text }) => matches(text)).find((match) => match !== undefined);
      return found === undefined ? { action: "pass" } : { action: "refuse", reason: `it contains "${found}".` };
    },
  };
  const inAnswer = where !== "request" && {
    checkAnswer: (text: string): GuardrailVerdict => (matches(text) === undefined ? { action: "pass" } : { action: "refuse", reason: REFUSED_ANSWER }),
  };
  const streams = where !== "request" && denied !== undefined && patterns.length === 0 && { forCall: () => ({ ...inRequest, answerFilter: () => termFilter(denied, longest) }) };
  return Object.freeze({
    kind: "guardrail" as const, name, parameters: Object.freeze({ terms, patterns: patterns.map(String), where }), ...inRequest, ...inAnswer, ...streams,
  });
}

/** It does not quote the term: that would tell what must not leave. */
const REFUSED_ANSWER = "it contains a denied term.";

/**
 * Holds back so much that its plain form is longer than the longest term: then a term is whole in what is held,
 * with the character after it, before its first letter leaves.
 */
function termFilter(denied: RegExp, longest: number): AnswerFilter {
  const search = new RegExp(denied, "gu");
  let before = "";
  let held = "";
  const look = (isEnd: boolean): FilteredText => {
    const text = plainText(before + held);
    search.lastIndex = plainText(before).length; // what began before was judged before it left
    const match = search.exec(text);
    const isDecided = match !== null && (isEnd || match.index + match[0].length < text.length); // at the very end it may become a longer word
    if (isDecided) return { text: "", verdict: { action: "refuse", reason: REFUSED_ANSWER } };
    const cut = isEnd ? held.length : held.length - heldBack(held, longest + 2);
    const out = held.slice(0, cut);
    held = held.slice(cut);
    before = (before + out).slice(-CONTEXT);
    return { text: out };
  };
  return {
    push: (piece) => {
      held += piece;
      return look(false);
    },
    end: () => look(true),
  };
}

/** What left already tells whether a term begins a word; nothing longer than a character and its marks is needed. */
const CONTEXT = 8;

/** How many characters at the end have at least this many in plain form; all when there are not that many. */
function heldBack(text: string, plainLength: number): number {
  let count = plainLength;
  while (count < text.length && plainText(text.slice(-count)).length < plainLength) count *= 2;
  const isHalf = count < text.length && /[\uDC00-\uDFFF]/.test(text[text.length - count]!);
  return Math.min(text.length, isHalf ? count + 1 : count);
}
