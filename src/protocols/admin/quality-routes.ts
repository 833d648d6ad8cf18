/** Data quality over HTTP: how the rules stand, their history, checks and profiles of the lake, contracts, and resuming a stream. */
import { z } from "zod";
import { StrataError, toStrataError } from "../../kernel/errors.ts";
import type { DataContract, HistoryQuery, PastVerdict, QualityMonitor, QualityState } from "../../data/index.ts";
import { jsonResponse } from "../http.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { route } from "./admin-route.ts";
import type { AdminRoute } from "./admin-route.ts";
import { bodyOf } from "./request-body.ts";

interface Work {
  readonly onProgress: (share: number) => void;
  readonly signal: AbortSignal;
}

export interface QualitySources {
  readonly monitor: Pick<QualityMonitor, "states" | "state" | "pastVerdicts" | "resume" | "settle">;
  readonly check: (request: { readonly stream: string; readonly snapshot?: string | undefined }, work: Work) => Promise<unknown>;
  readonly profile: (request: { readonly stream: string; readonly snapshot?: string | undefined; readonly compare?: string | undefined }, work: Work) => Promise<unknown>;
  readonly lastProfile: (stream: string) => unknown;
  readonly contract: (stream: string) => DataContract;
}

export interface QualityList {
  readonly expectations: readonly QualityState[];
}

export interface QualityHistory {
  /** Newest first. */
  readonly verdicts: readonly PastVerdict[];
}

const checkRequest = z.strictObject({ stream: z.string(), snapshot: z.string().optional() });
const profileRequest = z.strictObject({ stream: z.string(), snapshot: z.string().optional(), compare: z.string().optional() });
const resumeRequest = z.strictObject({ stream: z.string(), reason: z.string().trim().min(1) });

export function qualityRoutes({ monitor, check, profile, lastProfile, contract }: QualitySources): readonly AdminRoute[] {
  return [
    route("GET", "/v1/quality", "expectations: how each rule stands, with samples of what offends", async () => {
      await monitor.settle();
      return jsonResponse({ expectations: monitor.states() } satisfies QualityList);
    }),
    route("POST", "/v1/quality/check", "judge a stream in the lake by its expectations: {stream, snapshot?}; answers with server-sent events", (_, request) => follow(request, checkRequest, check)),
    route("POST", "/v1/quality/resume", "open a stopped stream and accept what it holds: {stream, reason}", async (_, request) => {
      const { stream, reason } = bodyOf(request, resumeRequest);
      return jsonResponse(await monitor.resume(stream, reason));
    }),
    route("GET", "/v1/quality/:expectations", "one set of expectations", async ({ expectations }) => {
      await monitor.settle();
      return jsonResponse(monitor.state(expectations!));
    }),
    route("GET", "/v1/quality/:expectations/history", "past verdicts, newest first: ?rule=&status=&source=&since=&limit=", async ({ expectations }, { query }) =>
      jsonResponse({ verdicts: await monitor.pastVerdicts(expectations!, historyQuery(query)) } satisfies QualityHistory)),
    route("GET", "/v1/contracts/:stream", "what a stream asks of its producers: JSON Schema and expectations", ({ stream }) => Promise.resolve(jsonResponse(contract(stream!)))),
    route("POST", "/v1/profiles", "profile a stream in the lake, column by column: {stream, snapshot?, compare?}; answers with server-sent events", (_, request) => follow(request, profileRequest, profile)),
    route("GET", "/v1/profiles/:stream", "the newest profile made of a stream since the start", ({ stream }) => {
      const found = lastProfile(stream!);
      if (found === undefined) throw new StrataError("NOT_FOUND", { kind: "profile", name: stream!, known: "make one with POST /v1/profiles" });
      return Promise.resolve(jsonResponse(found));
    }),
  ];
}

const EVENT_STREAM = { "content-type": "text/event-stream", "cache-control": "no-store" };

/** Long work as server-sent events: "progress" …, then "result" or "error". */
function follow<Body>(request: HttpRequest, schema: z.ZodType<Body>, work: (body: Body, work: Work) => Promise<unknown>): Promise<HttpResponse> {
  const body = bodyOf(request, schema);
  return Promise.resolve({ status: 200, headers: EVENT_STREAM, body: followWork((following) => work(body, following), request.signal) });
}

async function* followWork(work: (work: Work) => Promise<unknown>, signal: AbortSignal): AsyncGenerator<string> {
  let share: number | undefined;
  let outcome: string | undefined;
  let wake = (): void => undefined;
  const working = work({ signal, onProgress: (next) => { share = next; wake(); } }).then(
    (result) => { outcome = serverSent("result", result); wake(); },
    (thrown: unknown) => { outcome = serverSent("error", toStrataError(thrown).toJSON()); wake(); },
  );
  while (outcome === undefined) {
    if (share !== undefined) yield serverSent("progress", { share });
    share = undefined;
    await new Promise<void>((resolve) => { wake = resolve; if (share !== undefined || outcome !== undefined) resolve(); });
  }
  await working;
  yield outcome;
}

function serverSent(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

const STATUSES = ["passing", "failing", "waiting", "skipped"] as const;
const SOURCES = ["stream", "lake"] as const;

function historyQuery(query: URLSearchParams): HistoryQuery {
  const [status, source, since, limit] = ["status", "source", "since", "limit"].map((name) => query.get(name));
  const one = <T extends string>(name: string, value: string | null | undefined, allowed: readonly T[]): T | undefined => {
    const found = allowed.find((known) => known === value);
    if (value !== null && value !== undefined && found === undefined) throw new StrataError("REQUEST_INVALID", { reason: `${name} must be one of ${allowed.join(", ")}, not "${value}".` });
    return found;
  };
  const sinceMs = since === null || since === undefined ? undefined : Date.parse(since);
  const most = limit === null || limit === undefined ? 100 : Number(limit);
  if (Number.isNaN(sinceMs)) throw new StrataError("REQUEST_INVALID", { reason: `since must be a time such as 2026-01-31T12:00:00Z, not "${since}".` });
  if (!Number.isInteger(most) || most < 1 || most > 2_000) throw new StrataError("REQUEST_INVALID", { reason: `limit must be a whole number from 1 to 2,000, not "${limit}".` });
  return { rule: query.get("rule") ?? undefined, status: one("status", status, STATUSES), source: one("source", source, SOURCES), sinceMs, limit: most };
}
