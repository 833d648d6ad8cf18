/** The terms of a virtual key as options, and as the API takes them. */
import type { OptionTable, OptionValues } from "../option.ts";

export const TERM_OPTIONS = {
  tenant: { type: "string", placeholder: "name", description: "Whom its calls belong to; caches are kept apart by it" },
  model: { type: "string", multiple: true, placeholder: "name", description: "A language model it may call (default: all)" },
  budget: { type: "number", minimum: 0, placeholder: "usd", description: "What it may spend, in US dollars" },
  period: { type: "duration", description: "The budget starts anew each period, such as 1d (default: never)" },
  requestsPerMinute: { type: "number", integer: true, minimum: 1, description: "Most requests per minute" },
  tokensPerMinute: { type: "number", integer: true, minimum: 1, description: "Most tokens per minute, input and output" },
  expiresIn: { type: "duration", description: "It ends after this time (default: never)" },
} as const satisfies OptionTable;

export const CLEAR_OPTION = {
  clear: { type: "enum", multiple: true, values: ["budget", "period", "requests", "tokens", "models", "expiry"], description: "Takes a limit away" },
} as const satisfies OptionTable;

const CLEARED: Readonly<Record<(typeof CLEAR_OPTION)["clear"]["values"][number], object>> = {
  budget: { budgetUsd: null }, period: { period: null }, requests: { requestsPerMinute: null }, tokens: { tokensPerMinute: null }, models: { models: [] }, expiry: { expiresIn: null },
};

/** Only what was given. */
export function termsBody(options: Partial<OptionValues<typeof TERM_OPTIONS>>, clear: readonly (typeof CLEAR_OPTION)["clear"]["values"][number][] = []): Readonly<Record<string, unknown>> {
  const { tenant, model = [], budget, period, requestsPerMinute, tokensPerMinute, expiresIn } = options;
  const given = {
    tenant, ...(model.length > 0 && { models: model }), budgetUsd: budget, period: period === undefined ? undefined : `${period}ms`,
    requestsPerMinute, tokensPerMinute, expiresIn: expiresIn === undefined ? undefined : `${expiresIn}ms`,
  };
  return Object.assign({}, ...clear.map((limit) => CLEARED[limit]), Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))) as Record<string, unknown>;
}
