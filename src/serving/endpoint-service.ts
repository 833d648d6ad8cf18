/**
 * Answers an endpoint's requests: check, route, read features, score, rank, and fall back when the deadline passes
 * or anything on the way fails. Every answer has a decision id and is an event in the log.
 */
import type { CandidateEngine, FeatureEngine, FindSimilarItems, VectorAssembler } from "../data/index.ts";
import { createVectorAssembler } from "../data/index.ts";
import { CANDIDATE_FEATURES, KEY_SEPARATOR, featurePins, findChangedFeature } from "../define/index.ts";
import type { Application, Endpoint, Model } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import { StrataError, listProblems, reasonOf, toStrataError } from "../kernel/errors.ts";
import type { Problem } from "../kernel/errors.ts";
import { hash32 } from "../kernel/random.ts";
import type { IdSource } from "../kernel/ids.ts";
import { withDeadline } from "../kernel/lifecycle.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { Logger, Meter } from "../ports/telemetry.ts";
import { readFeatureRows, streamsOf } from "./feature-rows.ts";
import type { FeatureRows } from "./feature-rows.ts";
import type { ModelPool, ServingVersion } from "./model-pool.ts";
import { PREDICTIONS_LOG } from "./prediction.ts";
import type { PredictionEvent, SampledRow, ScoredItem, ShadowResult } from "./prediction.ts";
import { createFallbackWarning, createPopularItems } from "./fallback.ts";
import { sampleRows, topIndices } from "./ranking.ts";
import { createWorkQueue } from "./work-queue.ts";
import { routeTraffic } from "./traffic.ts";
import type { Route, TrafficPlan, Variant } from "./traffic.ts";

export interface Answer {
  readonly decision: string;
  readonly endpoint: string;
  readonly model: string;
  readonly version: number;
  readonly variant: Variant | "fallback";
  readonly items?: readonly ScoredItem[];
  readonly outputs?: readonly number[];
  readonly fallbackReason?: string;
}

export interface AnswerOptions {
  /** Ask for a variant instead of the stable split. */
  readonly variant?: Variant;
}

export interface EndpointService {
  answer(endpoint: string, request: unknown, options?: AnswerOptions): Promise<Answer>;
  /** Resolves when every shadow comparison and prediction event in flight is finished. */
  settle(): Promise<void>;
}

export interface EndpointServiceOptions {
  readonly application: () => Application;
  readonly features: FeatureEngine;
  readonly candidates: CandidateEngine;
  /** Neighbours by embedding, for candidate sources that add them. */
  readonly similar: FindSimilarItems;
  readonly pool: ModelPool;
  /** Which versions serve the model now. */
  readonly traffic: (model: string) => TrafficPlan;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly meter: Meter;
  readonly logger: Logger;
}

/** Rows kept with each sampled prediction: enough for drift and audit, a small part of a ranking's candidates. */
const SAMPLE_ROWS = 20;

interface Scored {
  readonly rows: FeatureRows;
  readonly scores: Float64Array;
  readonly serving: ServingVersion;
}

export function createEndpointService(options: EndpointServiceOptions): EndpointService {
  const { application, features, candidates, similar, pool, traffic, log, clock, ids, meter, logger } = options;
  const requests = meter.counter("strata_endpoint_requests_total", "Answers given, by variant");
  const latency = meter.histogram("strata_endpoint_seconds", "Seconds from request to answer");
  const recommended = meter.counter("strata_recommended_items_total", "Items shown by ranking endpoints, by what brought them: the candidate source, or nearness by embedding alone");
  const lost = meter.counter("strata_predictions_lost_total", "Prediction events that could not be stored");
  const reading = createWorkQueue({ clock, name: "Reading features" });
  const popular = createPopularItems({ candidates, clock });
  const warnFallback = createFallbackWarning({ clock, logger });
  const pending = new Set<Promise<unknown>>();

  const answer = async (name: string, body: unknown, { variant }: AnswerOptions = {}): Promise<Answer> => {
    const startedAtMs = clock.monotonicMs();
    const endpoint = application().endpoints.get(name);
    if (!endpoint) throw new StrataError("ENDPOINT_NOT_FOUND", { endpoint: name, known: [...application().endpoints.keys()].join(", ") });
    const request = parseRequest(endpoint, body);
    const decision = ids.next();
    const atMs = clock.now();
    const route = routeTraffic(traffic(endpoint.model.name), routingKey(endpoint, request), variant);
    const context = { endpoint, request, decision, atMs, startedAtMs };
    const event = await attempt(context, route).catch((thrown: unknown) => fallback(context, { thrown, route }));
    const latencyMs = clock.monotonicMs() - startedAtMs;
    requests.add(1, { endpoint: name, variant: event.variant, version: String(event.version) });
    latency.record(latencyMs / 1000, { endpoint: name });
    countItems(event);
    await record({ ...event, latencyMs });
    return toAnswer(event);
  };

  const countItems = ({ endpoint, items = [], similarItems = [] }: PredictionEvent): void => {
    const bySimilarity = items.filter(({ item }) => similarItems.includes(item)).length;
    if (items.length > bySimilarity) recommended.add(items.length - bySimilarity, { endpoint, source: "candidates" });
    if (bySimilarity > 0) recommended.add(bySimilarity, { endpoint, source: "similar" });
  };

  interface Context {
    readonly endpoint: Endpoint;
    readonly request: Readonly<Record<string, unknown>>;
    readonly decision: string;
    readonly atMs: number;
    readonly startedAtMs: number;
  }

  const attempt = async (context: Context, route: Route | undefined): Promise<PredictionEvent> => {
    const { endpoint, decision, startedAtMs } = context;
    if (route === undefined) throw new StrataError("MODEL_NOT_READY", { model: endpoint.model.name });
    const deadlineAtMs = startedAtMs + endpoint.deadlineMs;
    const scored = await withDeadline(score(context, route.version, deadlineAtMs), endpoint.deadlineMs, `Endpoint "${endpoint.name}"`);
    const shadow = route.shadowVersion === undefined ? undefined : await compareShadow(scored, endpoint, { version: route.shadowVersion, remainingMs: deadlineAtMs - clock.monotonicMs() });
    return {
      ...baseEvent(context), version: route.version, variant: route.variant,
      ...describeScores(endpoint, scored),
      scoredRows: scored.rows.matrix.rows, sample: sampleOf(endpoint, decision, scored), offsets: scored.rows.offsets,
      ...(scored.rows.candidateOffsets ? { candidateOffsets: scored.rows.candidateOffsets, seedItems: scored.rows.seedItems } : {}),
      ...(scored.rows.similarItems.length > 0 ? { similarItems: scored.rows.similarItems } : {}),
      ...(shadow ? { shadow } : {}),
    };
  };

  const score = async ({ endpoint, request, atMs }: Context, version: number, deadlineAtMs: number): Promise<Scored> => {
    const serving = await pool.get(endpoint.model.name, version);
    const assembler = assemblerFor(endpoint, serving);
    const streams = streamsOf(endpoint, assembler);
    await features.fresh(streams);
    if (endpoint.candidates) await candidates.fresh(streams);
    const rows = await reading.run(() => readFeatureRows({ features, candidates, similar }, { endpoint, request, assembler, atMs }), deadlineAtMs);
    if (rows.matrix.rows === 0) throw new StrataError("INFERENCE_INVALID", { reason: "there are no candidates yet", model: endpoint.model.name });
    return { rows, scores: await serving.batcher.predict(rows.matrix, deadlineAtMs), serving };
  };

  /** The challenger scores the very same rows; the caller never waits longer than what is left of its deadline. */
  const compareShadow = async ({ rows, scores }: Scored, endpoint: Endpoint, { version, remainingMs }: { readonly version: number; readonly remainingMs: number }): Promise<ShadowResult> => {
    const startedAtMs = clock.monotonicMs();
    try {
      const serving = await pool.get(endpoint.model.name, version);
      assemblerFor(endpoint, serving); // it must know the features that the champion's rows were made of
      const shadowScores = await withDeadline(serving.batcher.predict(rows.matrix), Math.max(1, remainingMs), `Shadow version ${version}`);
      let difference = 0;
      for (let i = 0; i < scores.length; i++) difference += Math.abs(scores[i]! - shadowScores[i]!);
      return {
        version, latencyMs: clock.monotonicMs() - startedAtMs, scoreDifference: difference / Math.max(1, scores.length),
        ...(endpoint.candidates ? { items: rankItems(endpoint, rows, shadowScores) } : {}),
      };
    } catch (thrown) {
      return { version, latencyMs: clock.monotonicMs() - startedAtMs, error: reasonOf(thrown) };
    }
  };

  const fallback = (context: Context, { thrown, route }: { readonly thrown: unknown; readonly route: Route | undefined }): PredictionEvent => {
    const { endpoint } = context;
    const { code, message: reason } = toStrataError(thrown);
    warnFallback(endpoint.name, { reason, decision: context.decision });
    const answered = typeof endpoint.fallback === "number" ? { outputs: [endpoint.fallback] } : { items: fallbackItems(context, endpoint.fallback) };
    return {
      ...baseEvent(context), version: 0, variant: "fallback", ...answered, scoredRows: 0, sample: [], offsets: {}, fallbackReason: reason, fallbackCode: code,
      ...(route ? { routedTo: { variant: route.variant, version: route.version } } : {}),
    };
  };

  const fallbackItems = ({ endpoint, request, atMs }: Context, feature: string): readonly ScoredItem[] => {
    const source = endpoint.candidates;
    if (source === undefined) return [];
    if (feature === "popularity") return popular(endpoint, atMs);
    const at = CANDIDATE_FEATURES.findIndex((name) => name === feature);
    const user = String(request[endpoint.keys[source.user.name]!]);
    const found = candidates.query(source.name, { user, seedItems: [], atMs, limit: source.limit });
    const scores = Float64Array.from(found, (candidate) => candidate.features[at]!);
    return topIndices(scores, endpoint.limit).map((index) => ({ item: found[index]!.item, score: scores[index]! }));
  };

  const record = async (event: PredictionEvent): Promise<void> => {
    const stored = log.append(PREDICTIONS_LOG, [{
      id: event.decision, timeMs: event.atMs, knownAtMs: event.atMs, payload: Buffer.from(JSON.stringify(event)),
    }]);
    pending.add(stored);
    try {
      await stored;
    } catch (thrown) {
      lost.add(1, { endpoint: event.endpoint });
      logger.log("error", "a prediction event could not be stored", { decision: event.decision, reason: reasonOf(thrown) });
    } finally {
      pending.delete(stored);
    }
  };

  return {
    answer,
    settle: async () => {
      await Promise.allSettled(pending);
    },
  };
}

/** One per loaded version and definition of its model; collected with the version. */
const assemblers = new WeakMap<ServingVersion, { readonly model: Model; readonly assembler: VectorAssembler }>();

/** FEATURE_VERSION_MISMATCH when the definition in force computes a feature otherwise than the version learned it: a wrong number under the right name is worse than the fallback. */
function assemblerFor({ model }: Endpoint, serving: ServingVersion): VectorAssembler {
  const known = assemblers.get(serving);
  if (known?.model === model) return known.assembler;
  const feature = serving.features && findChangedFeature(serving.features, featurePins(model));
  if (feature !== undefined) throw new StrataError("FEATURE_VERSION_MISMATCH", { model: model.name, version: serving.version, feature });
  const assembler = createVectorAssembler(model, serving.categories);
  assemblers.set(serving, { model, assembler });
  return assembler;
}

function parseRequest(endpoint: Endpoint, body: unknown): Readonly<Record<string, unknown>> {
  const parsed = endpoint.request.safeParse(body);
  if (parsed.success) return withKeys(endpoint, parsed.data);
  const problems = parsed.error.issues.map((issue): Problem => ({ path: issue.path.join("."), message: issue.message, code: issue.code }));
  throw new StrataError("REQUEST_INVALID", { reason: `The request to "${endpoint.name}" is not valid: ${listProblems(problems)}` }, { problems });
}

/** A key that no entity can have is the caller's mistake, which no fallback should hide. */
function withKeys({ keys }: Endpoint, request: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  for (const [entity, field] of Object.entries(keys)) {
    const key = request[field] ?? undefined;
    if (key === undefined) throw new StrataError("ENTITY_KEY_INVALID", { entity, reason: `the request has no "${field}"` });
    if (typeof key === "string" && key.includes(KEY_SEPARATOR)) throw new StrataError("ENTITY_KEY_INVALID", { entity, reason: `"${field}" contains the reserved character U+001F` });
  }
  return request;
}

function routingKey(endpoint: Endpoint, request: Readonly<Record<string, unknown>>): string {
  return Object.values(endpoint.keys).map((field) => String(request[field])).join("|");
}

function baseEvent({ endpoint, request, decision, atMs }: { endpoint: Endpoint; request: Readonly<Record<string, unknown>>; decision: string; atMs: number }) {
  return { decision, endpoint: endpoint.name, model: endpoint.model.name, atMs, request, latencyMs: 0 };
}

function describeScores(endpoint: Endpoint, { rows, scores }: Scored): { readonly items: readonly ScoredItem[] } | { readonly outputs: readonly number[] } {
  return endpoint.candidates ? { items: rankItems(endpoint, rows, scores) } : { outputs: [...scores] };
}

function rankItems(endpoint: Endpoint, rows: FeatureRows, scores: Float64Array): readonly ScoredItem[] {
  const item = endpoint.candidates!.item.name;
  return topIndices(scores, endpoint.limit).map((row) => ({ item: rows.keys[row]![item]!, score: scores[row]! }));
}

function sampleOf(endpoint: Endpoint, decision: string, { rows, scores, serving }: Scored): readonly SampledRow[] {
  if (hash32(decision) / 4_294_967_296 >= endpoint.featureSampling) return [];
  const { values, columns } = rows.matrix;
  return sampleRows(rows.matrix.rows, SAMPLE_ROWS, decision).map((row) => ({
    keys: rows.keys[row]!, score: scores[row * serving.loaded.outputs]!,
    features: Array.from(values.subarray(row * columns, (row + 1) * columns), (value) => (Number.isNaN(value) ? null : value)),
  }));
}

function toAnswer(event: PredictionEvent): Answer {
  const { decision, endpoint, model, version, variant, items, outputs, fallbackReason } = event;
  return {
    decision, endpoint, model, version, variant,
    ...(items ? { items } : {}), ...(outputs ? { outputs } : {}), ...(fallbackReason === undefined ? {} : { fallbackReason }),
  };
}
