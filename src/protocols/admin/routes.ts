/**
 * Strata's own API below /v1: what the console and the command line use. Reads are plain JSON; a training is a stream
 * of server-sent events ("progress" …, then "result" or "error"); the overview can be followed the same way.
 */
import { z } from "zod";
import { StrataError, toStrataError } from "../../kernel/errors.ts";
import type { LogQuery } from "../../observe/index.ts";
import { jsonResponse } from "../http.ts";
import { route } from "./admin-route.ts";
import type { AdminRoute } from "./admin-route.ts";
import { featureRoutes } from "./feature-routes.ts";
import { keyRoutes } from "./key-routes.ts";
import { lakeRoutes } from "./lake-routes.ts";
import { qualityRoutes } from "./quality-routes.ts";
import { bodyOf } from "./request-body.ts";
import type { AdminSources, TrainingProgress } from "./sources.ts";
import { sqlRoutes } from "./sql-routes.ts";
import { streamRoutes } from "./stream-routes.ts";

const resources = z.record(z.string(), z.record(z.string(), z.unknown()));
/** A definition as `describeApplication` makes it. */
const planRequest = z.object({
  document: z.object({
    name: z.string(),
    resources: z.object({ streams: resources, featureViews: resources, candidates: resources, onDemand: resources, models: resources, endpoints: resources,
      featureServices: resources.default({}), expectations: resources.default({}), vectorIndexes: resources.default({}),
      servedModels: resources.default({}), graphs: resources.default({}), upstreams: resources.default({}), languageModels: resources.default({}) }),
  }),
});

/** What a person changes by hand goes on record with its reason. */
const withReason = z.object({ reason: z.string().trim().min(1) });

const EVENT_STREAM = { "content-type": "text/event-stream", "cache-control": "no-store" };

export interface RouteSummary {
  readonly method: string;
  readonly pattern: string;
  readonly summary: string;
}

/** `others` are listed by GET /v1 although other protocols answer them. */
export function adminRoutes(sources: AdminSources, others: readonly RouteSummary[] = []): readonly AdminRoute[] {
  const { registry, experiments, rollouts, decisions } = sources;
  const routes: readonly AdminRoute[] = [
    route("GET", "/v1", "the routes", () => Promise.resolve(jsonResponse({ version: sources.version, routes: [...routes, ...others].map(({ method, pattern, summary }) => ({ method, pattern, summary })) }))),
    route("GET", "/v1/overview", "everything that runs, measured", async () => jsonResponse(await sources.overview())),
    route("GET", "/v1/overview/stream", "the overview every second, as server-sent events", (_, request) => Promise.resolve({ status: 200, headers: EVENT_STREAM, body: followOverview(sources, request.signal) })),
    route("GET", "/v1/definition", "the running definition and its hash", () => Promise.resolve(jsonResponse(sources.definition()))),
    route("POST", "/v1/plan", "what a definition would change: {document}", (_, request) => Promise.resolve(jsonResponse({ changes: sources.plan(bodyOf(request, planRequest).document) }))),
    route("POST", "/v1/apply", "load the definition file again and apply it: {hash?}", async (_, request) => jsonResponse({ changes: await sources.apply(bodyOf(request, z.object({ hash: z.string().optional() })).hash) })),

    route("GET", "/v1/models", "models with their versions and aliases, and language models in OpenAI's words", async () => jsonResponse({ models: await Promise.all(sources.modelNames().map((model) => describeModel(sources, model))), ...sources.languageModels() })),
    route("GET", "/v1/models/:model", "one model", async ({ model }) => jsonResponse(await describeAnyModel(sources, model!))),
    route("GET", "/v1/models/:model/versions/:version", "one version", async ({ model, version }) => jsonResponse(await registry.version(known(sources, model!), versionOf(version!)))),
    route("GET", "/v1/models/:model/evidence", "the hash-chained record of alias moves, and whether the chain holds", async ({ model }) =>
      jsonResponse({ records: await registry.evidence(known(sources, model!)), check: await registry.verifyEvidence(model!) })),
    route("POST", "/v1/models/:model/train", "train now: {reason?}; answers with server-sent events", ({ model }, request) => {
      const { reason } = bodyOf(request, z.object({ reason: z.string().default("asked for by hand") }));
      return Promise.resolve({ status: 200, headers: EVENT_STREAM, body: followTraining(sources, { model: known(sources, model!), reason, signal: request.signal }) });
    }),
    route("POST", "/v1/models/:model/rollback", "champion and previous change places: {reason}", async ({ model }, request) => {
      await sources.rollback(known(sources, model!), bodyOf(request, withReason).reason);
      return jsonResponse(await describeModel(sources, model!));
    }),
    route("POST", "/v1/models/:model/rollout/cancel", "end the trial of a challenger: {reason}", async ({ model }, request) => {
      await sources.cancelRollout(known(sources, model!), bodyOf(request, withReason).reason);
      return jsonResponse(await describeModel(sources, model!));
    }),
    route("GET", "/v1/upstreams", "the targets of each language model: state, calls, latency", () => Promise.resolve(jsonResponse({ languageModels: sources.upstreams() }))),
    route("GET", "/v1/runs", "training runs: ?model=&limit=&cursor=", async (_, { query }) => jsonResponse(await experiments.listRuns({ ...optional("model", query.get("model")), ...page(query) }))),
    route("GET", "/v1/runs/:run", "one run", async ({ run }) => jsonResponse(await experiments.run(run!))),
    route("GET", "/v1/runs/:run/metrics/:metric", "the history of a metric", async ({ run, metric }) => jsonResponse({ points: await experiments.metricHistory(run!, metric!) })),
    route("GET", "/v1/rollouts", "rollouts with their decisions: ?model=&limit=&cursor=", async (_, { query }) => jsonResponse(await rollouts.list({ ...optional("model", query.get("model")), ...page(query) }))),
    route("GET", "/v1/decisions", "every control decision and its reason: ?subject=&limit=&cursor=", async (_, { query }) => jsonResponse(await decisions.list({ ...optional("subject", query.get("subject")), ...page(query) }))),

    ...featureRoutes(sources),
    route("POST", "/v1/audit", "recompute logged answers offline and compare: {limit?}", async (_, request) =>
      jsonResponse(await sources.audit({ limit: bodyOf(request, z.object({ limit: z.number().int().min(1).max(1_000_000).default(10_000) })).limit, signal: request.signal }))),
    route("GET", "/v1/explain", "how recent inference requests were run and why they took so long, newest first: ?id=&model=&limit=", (_, { query }) => Promise.resolve(jsonResponse({ requests: sources.explain(explainQuery(query)) }))),
    route("GET", "/v1/logs", "recent log lines: ?level=&after=&limit=", (_, { query }) => Promise.resolve(jsonResponse({ lines: sources.logs.lines(logQuery(query)) }))),
    ...keyRoutes(sources.ledger), ...lakeRoutes(sources.lake), ...sqlRoutes(sources.sql),
    ...qualityRoutes(sources.quality),
    ...streamRoutes(sources.streams),
    route("POST", "/v1/tick", "run the control loop once", async () => {
      await sources.tick();
      return jsonResponse({ done: true });
    }),
  ];
  return routes;
}

/** OpenAI's clients ask the same path for a language model; one of both kinds by that name has the members of both. */
async function describeAnyModel(sources: AdminSources, name: string) {
  const language = sources.languageModels().data.find(({ id }) => id === name);
  if (language === undefined) return describeModel(sources, known(sources, name));
  return { ...(sources.modelNames().includes(name) ? await describeModel(sources, name) : {}), ...language };
}

async function describeModel({ registry, rollouts }: AdminSources, model: string) {
  const exists = (await registry.models()).includes(model);
  const [versions, aliases, rollout] = await Promise.all([exists ? registry.versions(model) : [], registry.aliases(model), rollouts.activeOf(model)]);
  return { model, name: model, ready: aliases.champion !== undefined, aliases, versions, rollout: rollout ?? null }; // name and ready are KServe V1's words
}

const MAX_EXPLAINED = 1_000;

function explainQuery(query: URLSearchParams): Parameters<AdminSources["explain"]>[0] {
  const limit = query.get("limit");
  if (limit !== null && !(Number.isInteger(Number(limit)) && Number(limit) >= 1 && Number(limit) <= MAX_EXPLAINED)) throw new StrataError("REQUEST_INVALID", { reason: `limit must be a whole number from 1 to ${MAX_EXPLAINED}` });
  return { ...optional("id", query.get("id")), ...optional("model", query.get("model")), ...(limit === null ? {} : { limit: Number(limit) }) };
}

async function* followOverview({ overview }: AdminSources, signal: AbortSignal): AsyncGenerator<string> {
  while (!signal.aborted) {
    yield serverSent("overview", await overview());
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 1_000);
      signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
    });
  }
}

interface TrainingRequest {
  readonly model: string;
  readonly reason: string;
  readonly signal: AbortSignal;
}

async function* followTraining(sources: AdminSources, { model, reason, signal }: TrainingRequest): AsyncGenerator<string> {
  const progress: TrainingProgress[] = [];
  let wake = (): void => undefined;
  let outcome: string | undefined;
  const report = (next: TrainingProgress): void => { progress.push(next); wake(); };
  const training = sources.train(model, { reason, signal, onProgress: report }).then(
    (result) => { outcome = serverSent("result", result); wake(); },
    (thrown: unknown) => { outcome = serverSent("error", toStrataError(thrown).toJSON()); wake(); },
  );
  for (;;) {
    for (const step of progress.splice(0)) yield serverSent("progress", step);
    if (outcome !== undefined) break;
    await new Promise<void>((resolve) => { wake = resolve; if (progress.length > 0 || outcome !== undefined) resolve(); });
  }
  await training;
  yield outcome;
}

function serverSent(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

function known({ modelNames }: AdminSources, model: string): string {
  if (!modelNames().includes(model)) throw new StrataError("MODEL_NOT_FOUND", { model, known: modelNames().join(", ") });
  return model;
}

function versionOf(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new StrataError("REQUEST_INVALID", { reason: `"${text}" is not a version number.` });
  return Number(text);
}

function page(query: URLSearchParams): { readonly limit: number; readonly cursor?: string } {
  return { limit: integer(query, "limit", 50), ...optional("cursor", query.get("cursor")) };
}

const LEVELS: readonly NonNullable<LogQuery["level"]>[] = ["debug", "info", "warn", "error"];

function logQuery(query: URLSearchParams): LogQuery {
  const [level, after] = [query.get("level"), query.get("after")];
  const wanted = LEVELS.find((name) => name === level);
  if (level !== null && wanted === undefined) throw new StrataError("REQUEST_INVALID", { reason: `"${level}" is not a log level; use ${LEVELS.join(", ")}.` });
  if (after !== null && !/^\d{1,15}$/.test(after)) throw new StrataError("REQUEST_INVALID", { reason: `after must be a line's sequence number, not "${after}".` });
  return { ...(wanted === undefined ? {} : { level: wanted }), ...(after === null ? {} : { after: Number(after) }), limit: integer(query, "limit", 100) };
}

function integer(query: URLSearchParams, name: string, fallback: number): number {
  const text = query.get(name);
  const value = text === null ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000) throw new StrataError("REQUEST_INVALID", { reason: `${name} must be a whole number from 1 to 1,000, not "${text}".` });
  return value;
}

function optional<Key extends string, Value>(key: Key, value: Value | null): { readonly [K in Key]?: Value } {
  return (value === null ? {} : { [key]: value }) as { readonly [K in Key]?: Value }; // exactly the given key
}
