/**
 * The model server with its traffic divided: a request without a version goes where the book says, and what came of
 * it is counted. A version that is not there is never the caller's problem: another one answers in its place, unless
 * the caller asked for exactly that one.
 */
import type { Clock } from "../../kernel/clock.ts";
import { toStrataError } from "../../kernel/errors.ts";
import type { ErrorCode } from "../../kernel/errors.ts";
import { silentMeter } from "../../ports/telemetry.ts";
import type { Labels, Meter } from "../../ports/telemetry.ts";
import type { InferenceAnswer, InferenceRequest, ModelServer } from "../model-server.ts";
import { createShadowRunner } from "./shadow-runner.ts";
import type { ShadowRunner } from "./shadow-runner.ts";
import type { TrafficBook, TrafficOutcome } from "./traffic-book.ts";
import type { TrafficChoice } from "./traffic-choice.ts";
import { STABLE } from "./traffic-state.ts";

export interface TrafficServerOptions {
  readonly server: ModelServer;
  readonly book: TrafficBook;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly meter?: Meter;
}

export interface TrafficServer extends ModelServer, AsyncDisposable {
  /** Resolves when no copy waits or runs. */
  shadowsIdle(): Promise<void>;
}

/** A caller may wish for any name, so label sets are not kept without end. */
const MAXIMUM_LABELS = 1_000;

/** The version is not there; its model may answer with another one. */
const NOT_THERE: ReadonlySet<ErrorCode> = new Set(["MODEL_NOT_READY", "MODEL_VERSION_NOT_FOUND", "MODEL_LOAD_FAILED", "MODEL_BUSY", "MODEL_MEMORY_EXCEEDED"]);

export function createTrafficServer({ server, book, clock, meter = silentMeter }: TrafficServerOptions): TrafficServer {
  const shadows = createShadowRunner({ server, book, clock });
  const answers = meter.counter("strata_traffic_requests_total", "Requests of models with divided traffic, by variant and result.");
  const labels = new Map<string, Labels>();
  const parts: Parts = { server, book, clock, shadows, count: (outcome) => {
    book.observe(outcome);
    const { model, variant, result } = outcome;
    const key = `${result} ${variant} ${model}`;
    let known = labels.get(key);
    if (known === undefined) {
      if (labels.size >= MAXIMUM_LABELS) labels.clear();
      labels.set(key, known = { model, variant, result });
    }
    answers.add(1, known);
  } };
  return {
    ...forwarding(server),
    infer: (request) => {
      if (request.version !== undefined) return server.infer(request);
      const choice = book.choose(request);
      if (choice !== undefined) return inferByChoice(parts, request, choice);
      return request.variant === undefined ? server.infer(request) : inferWish(server, request, request.variant);
    },
    shadowsIdle: () => shadows.idle(),
    [Symbol.asyncDispose]: () => shadows[Symbol.asyncDispose](),
  };
}

interface Parts {
  readonly server: ModelServer;
  readonly book: TrafficBook;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly shadows: ShadowRunner;
  readonly count: (outcome: TrafficOutcome) => void;
}

async function inferByChoice({ server, book, clock, shadows, count }: Parts, request: InferenceRequest, choice: TrafficChoice): Promise<InferenceAnswer> {
  const { model } = request;
  const { variant, version, shadow } = choice;
  const startedMs = clock.monotonicMs();
  const elapsedMs = (): number => clock.monotonicMs() - startedMs;
  try {
    const answer = await server.infer(routed(request, version, variant));
    const stableMs = elapsedMs();
    count({ model, variant, result: "answered", elapsedMs: stableMs });
    if (shadow !== undefined) shadows.copy({ request, answer, version: shadow, stableMs, tolerance: book.state(model)?.shadow?.tolerance ?? 0 });
    return answer;
  } catch (thrown) {
    const error = toStrataError(thrown);
    if (choice.isWish || !NOT_THERE.has(error.code)) {
      count({ model, variant, result: error.fault === "caller" ? "refused" : error.code === "ABORTED" ? "refused" : "failed", elapsedMs: elapsedMs() });
      throw error;
    }
    count({ model, variant, result: "unready", elapsedMs: elapsedMs() });
    return inferInstead(server, request, { variant, stable: book.state(model)?.stable });
  }
}

/** Stable in place of an arm; the model's own default in place of a stable version that left the definition. */
async function inferInstead(server: ModelServer, request: InferenceRequest, { variant, stable }: { readonly variant: string; readonly stable: string | undefined }): Promise<InferenceAnswer> {
  if (variant !== STABLE && stable !== undefined) {
    try {
      return await server.infer(routed(request, stable, STABLE));
    } catch (thrown) {
      if (!NOT_THERE.has(toStrataError(thrown).code)) throw thrown;
    }
  }
  return server.infer(routed(request, undefined, STABLE));
}

/** Nothing divides the model's traffic: a wish is a version or an alias, and "stable" is whatever answers. */
async function inferWish(server: ModelServer, request: InferenceRequest, variant: string): Promise<InferenceAnswer> {
  try {
    return await server.infer(routed(request, variant, variant));
  } catch (thrown) {
    if (variant !== STABLE || toStrataError(thrown).code !== "MODEL_VERSION_NOT_FOUND") throw thrown;
    return server.infer(routed(request, undefined, STABLE));
  }
}

function routed(request: InferenceRequest, version: string | undefined, variant: string): InferenceRequest {
  const { version: _, ...rest } = request;
  return version === undefined ? { ...rest, variant } : { ...rest, version, variant };
}

function forwarding(server: ModelServer): Omit<ModelServer, "infer"> {
  return {
    name: server.name, version: server.version, isLive: () => server.isLive(), isReady: () => server.isReady(), models: () => server.models(),
    isModelReady: (...call) => server.isModelReady(...call), metadata: (...call) => server.metadata(...call), config: (...call) => server.config(...call),
    index: (...call) => server.index(...call), load: (...call) => server.load(...call), unload: (...call) => server.unload(...call),
    statistics: (...call) => server.statistics(...call), explain: (...call) => server.explain(...call),
  };
}
