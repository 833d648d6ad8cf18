/**
 * Virtual keys and usage below /v1: what operators do. A virtual key opens none of it: it is for calling language
 * models, and whoever has one must not be able to make another.
 */
import { z } from "zod";
import { LARGEST_USD, SECRET_PREFIX, USAGE_GROUPS, nanoUsd, usdOf } from "../../gateway/index.ts";
import type { KeyDesk, KeyTerms, KeyView, UsageQuery, UsageReport } from "../../gateway/index.ts";
import { durationMs } from "../../kernel/duration.ts";
import { StrataError } from "../../kernel/errors.ts";
import { jsonResponse } from "../http.ts";
import type { HttpRequest } from "../http.ts";
import type { AdminHandler, AdminRoute } from "./admin-route.ts";
import { bodyOf } from "./request-body.ts";

export interface KeySources {
  readonly keys: KeyDesk;
  readonly usage: (query: UsageQuery) => Promise<UsageReport>;
  readonly nowMs: () => number;
}

/** A key as the API shows it: dollars, and null for what is not limited. */
export interface KeyDocument {
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  readonly state: KeyView["state"];
  /** Empty: all. */
  readonly models: readonly string[];
  readonly budgetUsd: number | null;
  readonly periodMs: number | null;
  readonly spentUsd: number;
  readonly reservedUsd: number;
  readonly leftUsd: number | null;
  readonly periodStartMs: number | null;
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
}

const perMinute = z.number().int().min(1).max(1_000_000_000).nullable();
const duration = z.string().transform((text, context) => {
  try {
    return durationMs(text);
  } catch {
    context.addIssue({ code: "custom", message: "needs a duration such as 1h, 1d or 30d" });
    return z.NEVER;
  }
});

/** null takes a limit away; what is left out stays as it is. */
const terms = z.strictObject({
  name: z.string().trim().min(1).max(200),
  tenant: z.string().trim().min(1).max(200),
  models: z.array(z.string().min(1)),
  budgetUsd: z.number().min(0).max(LARGEST_USD).nullable(),
  /** At least a second: a period is a budget's, not a rate limit's. */
  period: duration.refine((ms) => ms >= 1_000, "is at least a second").nullable(),
  requestsPerMinute: perMinute,
  tokensPerMinute: perMinute,
  expiresIn: duration.nullable(),
}).partial();

export function keyRoutes({ keys, usage, nowMs }: KeySources): readonly AdminRoute[] {
  const route = (method: AdminRoute["method"], pattern: string, summary: string, work: AdminHandler): AdminRoute =>
    ({ method, pattern, summary, handle: async (parameters, request) => { refuseVirtualKey(request); return work(parameters, request); } });
  return [
    route("GET", "/v1/keys", "virtual keys with their budgets and balances", async () => jsonResponse({ keys: (await keys.list()).map(documentOf) })),
    route("POST", "/v1/keys", "make a key; its secret is in the answer and nowhere else: {name, tenant?, models?, budgetUsd?, period?, requestsPerMinute?, tokensPerMinute?, expiresIn?}", async (_, request) => {
      const { name, ...chosen } = termsOf(request, nowMs());
      if (name === undefined) throw new StrataError("REQUEST_INVALID", { reason: "The request is not valid: name: is needed" });
      const { key, secret } = await keys.create({ ...UNLIMITED, ...chosen, name });
      return jsonResponse({ key: documentOf(key), secret }, 201);
    }),
    route("GET", "/v1/keys/:key", "one key, by id or name", async ({ key }) => jsonResponse(documentOf(await keys.show(key!)))),
    route("POST", "/v1/keys/:key", "change a key's terms; null takes a limit away", async ({ key }, request) => jsonResponse(documentOf(await keys.update(key!, termsOf(request, nowMs()))))),
    route("DELETE", "/v1/keys/:key", "revoke a key for good", async ({ key }) => jsonResponse(documentOf(await keys.revoke(key!)))),
    route("POST", "/v1/keys/:key/rotate", "a new secret for the same key; the old one ends at once", async ({ key }) => {
      const rotated = await keys.rotate(key!);
      return jsonResponse({ key: documentOf(rotated.key), secret: rotated.secret });
    }),
    route("GET", "/v1/usage", "calls, tokens and cost of language models: ?groupBy=&from=&to=&key=&model=", async (_, { query }) => jsonResponse(await usage(await usageQuery(query, keys)))),
  ];
}

const UNLIMITED: Omit<KeyTerms, "name"> = { tenant: "default", models: [], budgetNanoUsd: undefined, periodMs: undefined, requestsPerMinute: undefined, tokensPerMinute: undefined, expiresAtMs: undefined };

function refuseVirtualKey({ headers, path }: HttpRequest): void {
  const secret = headers["authorization"]?.replace(/^Bearer\s+/i, "") ?? headers["x-api-key"];
  if (secret?.startsWith(SECRET_PREFIX) === true) throw new StrataError("KEY_FORBIDDEN", { key: "a virtual key", model: path, allowed: "language models" });
}

function termsOf(request: HttpRequest, nowMs: number): Partial<KeyTerms> {
  const { name, tenant, models, budgetUsd, period, expiresIn, requestsPerMinute, tokensPerMinute } = bodyOf(request, terms);
  return {
    ...(name === undefined ? {} : { name }), ...(tenant === undefined ? {} : { tenant }), ...(models === undefined ? {} : { models }),
    ...changed("budgetNanoUsd", budgetUsd, nanoUsd), ...changed("periodMs", period, (ms) => ms), ...changed("expiresAtMs", expiresIn, (ms) => Math.floor(nowMs + ms)),
    ...changed("requestsPerMinute", requestsPerMinute, (limit) => limit), ...changed("tokensPerMinute", tokensPerMinute, (limit) => limit),
  };
}

/** Left out: nothing; null: undefined, which is no limit. */
function changed<Name extends keyof KeyTerms>(name: Name, value: number | null | undefined, convert: (value: number) => number): Partial<KeyTerms> {
  return value === undefined ? {} : { [name]: value === null ? undefined : convert(value) };
}

async function usageQuery(query: URLSearchParams, keys: KeyDesk): Promise<UsageQuery> {
  const [key, model] = [query.get("key"), query.get("model")];
  const asked = (query.get("groupBy") ?? "model").split(",").filter((group) => group !== "");
  const groupBy = asked.map((group) => {
    const known = USAGE_GROUPS.find((name) => name === group);
    if (known === undefined) throw new StrataError("REQUEST_INVALID", { reason: `groupBy is a list of ${USAGE_GROUPS.join(", ")}, not "${group}".` });
    return known;
  });
  return {
    groupBy, ...timeOf(query, "from", "fromMs"), ...timeOf(query, "to", "toMs"),
    ...(key === null ? {} : { key: key === "local" ? key : (await keys.show(key)).id }), ...(model === null ? {} : { model }),
  };
}

function timeOf<Name extends string>(query: URLSearchParams, name: string, as: Name): { readonly [K in Name]?: number } {
  const text = query.get(name);
  const ms = text === null ? undefined : /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(ms)) throw new StrataError("REQUEST_INVALID", { reason: `${name} must be a time such as 2026-03-01, 2026-03-01T14:00Z or milliseconds since 1970, not "${text}".` });
  return (ms === undefined ? {} : { [as]: ms }) as { readonly [K in Name]?: number }; // exactly the given name
}

function documentOf({ id, name, tenant, state, models, budgetNanoUsd, periodMs, requestsPerMinute, tokensPerMinute, createdAtMs, expiresAtMs, balance, leftNanoUsd }: KeyView): KeyDocument {
  return {
    id, name, tenant, state, models, budgetUsd: budgetNanoUsd === undefined ? null : usdOf(budgetNanoUsd), periodMs: periodMs ?? null,
    spentUsd: usdOf(balance.spentNanoUsd), reservedUsd: usdOf(balance.reservedNanoUsd), leftUsd: leftNanoUsd === undefined ? null : usdOf(leftNanoUsd),
    periodStartMs: periodMs === undefined ? null : balance.periodStartMs, requestsPerMinute: requestsPerMinute ?? null, tokensPerMinute: tokensPerMinute ?? null,
    createdAtMs, expiresAtMs: expiresAtMs ?? null,
  };
}
