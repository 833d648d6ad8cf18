/**
 * Refuses requests that are about none of the allowed topics. A topic is known by its words, found as the deny list
 * finds terms, or by patterns. Only the last message of the user is looked at: it is what is asked now.
 */
import { plainText, termPattern } from "./guardrail-terms.ts";
import type { Guardrail, GuardrailMessage, GuardrailVerdict } from "./guardrail.ts";

export interface AllowListOptions {
  /** Default "allow-list". */
  readonly name?: string;
  /** By topic: words and patterns, of which one must occur. */
  readonly topics: Readonly<Record<string, readonly (string | RegExp)[]>>;
}

export function allowList({ name = "allow-list", topics }: AllowListOptions): Guardrail {
  const marks = Object.values(topics).flat();
  const words = termPattern(marks.filter((mark) => typeof mark === "string"));
  const patterns = marks.filter((mark) => mark instanceof RegExp);
  const isAllowed = (text: string): boolean => words?.test(plainText(text)) === true || patterns.some((pattern) => text.search(pattern) >= 0);
  const checkRequest = (messages: readonly GuardrailMessage[]): GuardrailVerdict => {
    const asked = messages.findLast(({ role }) => role === "user");
    if (asked === undefined || isAllowed(asked.text)) return { action: "pass" };
    return { action: "refuse", reason: `it is about none of the allowed topics: ${Object.keys(topics).join(", ")}.` };
  };
  const described = Object.fromEntries(Object.entries(topics).map(([topic, ofTopic]) => [topic, ofTopic.map(String)]));
  return Object.freeze({ kind: "guardrail" as const, name, parameters: Object.freeze({ topics: described }), checkRequest });
}
