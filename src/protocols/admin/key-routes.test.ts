import assert from "node:assert/strict";
import { test } from "node:test";
import { createRouteTable, type KeyTerms, type KeyView, type UsageQuery, type UsageReport } from "../../gateway/index.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { HttpRequest } from "../http.ts";
import { keyRoutes } from "./key-routes.ts";

const NOW = Date.UTC(2026, 2, 1);
const view: KeyView = {
  id: "key_1", name: "shop", tenant: "acme", state: "active", models: [], budgetNanoUsd: 2_500_000_000, periodMs: 86_400_000, requestsPerMinute: 60, tokensPerMinute: undefined,
  createdAtMs: 1, expiresAtMs: undefined, isRevoked: false, leftNanoUsd: 2_000_000_000, balance: { key: "key_1", spentNanoUsd: 400_000_000, reservedNanoUsd: 100_000_000, periodStartMs: NOW },
};
const report: UsageReport = { rows: [], total: { calls: 1, estimatedCalls: 0, inputTokens: 1, cachedInputTokens: 0, outputTokens: 1, reasoningTokens: 0, costUsd: 0.5 } };

function server() {
  const asked: unknown[] = [];
  const note = <T>(answer: T) => async (...what: readonly unknown[]): Promise<T> => { asked.push(what); return answer; };
  const table = createRouteTable(keyRoutes({
    keys: {
      list: note([view]), create: (terms: KeyTerms) => note({ key: view, secret: "sk-strata-x" })("create", terms), update: note(view), revoke: note({ ...view, state: "revoked" as const }), rotate: note({ key: view, secret: "sk-strata-y" }),
      show: async (id) => { if (id !== "shop" && id !== "key_1") throw new StrataError("KEY_NOT_FOUND", { key: id }); return view; },
    },
    usage: (query: UsageQuery) => note(report)("usage", query), nowMs: () => NOW,
  }));
  const send = async (line: string, body?: unknown, headers: HttpRequest["headers"] = {}) => {
    const [method = "", target = ""] = line.split(" ");
    const { pathname, searchParams } = new URL(target, "http://strata");
    const match = table.match(method, pathname)!;
    const request: HttpRequest = { method, path: pathname, query: searchParams, headers, body: Buffer.from(body === undefined ? "" : JSON.stringify(body)), signal: AbortSignal.timeout(1_000) };
    const { status, body: answer } = await match.route.handle(match.parameters, request);
    return { status, answer: JSON.parse(answer as string) as unknown };
  };
  return { asked, send };
}

test("a key is shown in dollars, without its digest", async () => {
  assert.deepEqual((await server().send("GET /v1/keys")).answer, { keys: [{
    id: "key_1", name: "shop", tenant: "acme", state: "active", models: [], budgetUsd: 2.5, periodMs: 86_400_000, spentUsd: 0.4, reservedUsd: 0.1, leftUsd: 2, periodStartMs: NOW,
    requestsPerMinute: 60, tokensPerMinute: null, createdAtMs: 1, expiresAtMs: null,
  }] });
});

test("a key is made with its terms; its secret is told then, and when it is rotated", async () => {
  const { asked, send } = server();
  const made = await send("POST /v1/keys", { name: "shop", budgetUsd: 2.5, period: "1d", expiresIn: "30d", models: ["fast"] });
  assert.equal(made.status, 201);
  assert.equal((made.answer as { secret: string }).secret, "sk-strata-x");
  assert.deepEqual(asked, [["create", {
    name: "shop", tenant: "default", models: ["fast"], budgetNanoUsd: 2_500_000_000, periodMs: 86_400_000, expiresAtMs: NOW + 30 * 86_400_000, requestsPerMinute: undefined, tokensPerMinute: undefined,
  }]]);
  assert.equal(((await send("POST /v1/keys/shop/rotate")).answer as { secret: string }).secret, "sk-strata-y");
});

test("only what is given changes, null takes a limit away, and deleting revokes", async () => {
  const { asked, send } = server();
  await send("POST /v1/keys/shop", { budgetUsd: null, tokensPerMinute: 10 });
  assert.deepEqual(asked, [["shop", { budgetNanoUsd: undefined, tokensPerMinute: 10 }]]);
  assert.equal(((await send("DELETE /v1/keys/shop")).answer as { state: string }).state, "revoked");
  await assert.rejects(send("GET /v1/keys/other"), { code: "KEY_NOT_FOUND" });
});

test("what is wrong is told with its path", async () => {
  const { send } = server();
  for (const [body, reason] of [
    [{}, /name: is needed/], [{ name: "x", budgetUsd: -1 }, /budgetUsd/], [{ name: "x", period: "soon" }, /period: needs a duration/], [{ name: "x", period: "10ms" }, /period: is at least a second/],
    [{ name: "x", requestsPerMinute: 0 }, /requestsPerMinute/], [{ name: "x", budget: 1 }, /budget/], [{ name: " " }, /name/],
  ] as const) await assert.rejects(send("POST /v1/keys", body), { code: "REQUEST_INVALID", message: reason });
});

test("usage is asked by groups, times, key and model", async () => {
  const { asked, send } = server();
  assert.deepEqual((await send("GET /v1/usage?groupBy=day,key&from=2026-03-01&to=1772323200000&key=shop&model=fast")).answer, report);
  await send("GET /v1/usage?key=local");
  assert.deepEqual(asked, [["usage", { groupBy: ["day", "key"], fromMs: NOW, toMs: 1_772_323_200_000, key: "key_1", model: "fast" }], ["usage", { groupBy: ["model"], key: "local" }]]);
  await assert.rejects(send("GET /v1/usage?groupBy=colour"), { code: "REQUEST_INVALID" });
  await assert.rejects(send("GET /v1/usage?from=yesterday"), { code: "REQUEST_INVALID" });
});

test("a virtual key opens none of it", async () => {
  const { asked, send } = server();
  for (const line of ["GET /v1/keys", "POST /v1/keys", "GET /v1/keys/shop", "DELETE /v1/keys/shop", "GET /v1/usage", "POST /v1/keys/shop/rotate"]) {
    await assert.rejects(send(line, undefined, { authorization: "Bearer sk-strata-abc" }), { code: "KEY_FORBIDDEN" });
    await assert.rejects(send(line, undefined, { "x-api-key": "sk-strata-abc" }), { code: "KEY_FORBIDDEN" });
  }
  assert.deepEqual(asked, []);
});
