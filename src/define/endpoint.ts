/**
 * An endpoint answers requests with a model's predictions: entity keys from the request, candidates when it ranks,
 * features in one read, champion / canary / shadow, a deadline with a fallback, and outcomes that flow back.
 */
import type { z } from "zod";
import { durationMs } from "../kernel/duration.ts";
import type { Duration } from "../kernel/duration.ts";
import type { CandidateFeature, Candidates } from "./candidates.ts";
import { eventExpressions } from "./expression.ts";
import type { EventExpressions, Expression, ExpressionNode } from "./expression.ts";
import type { Model } from "./model.ts";
import type { Stream } from "./stream.ts";

export interface CanaryOptions {
  /** Shares of traffic the challenger gets, one after the other, each in (0, 1). Default [0.1, 0.5]. */
  readonly steps?: readonly number[];
  /** Probability of wrongly rejecting or promoting, over all looks together. Default 0.05. */
  readonly alpha?: number;
  /** How much worse the challenger's mean reward may be and still be promoted, as a share of the champion's. Default 0.1. */
  readonly margin?: number;
  /** Fewest outcomes per arm before any decision. Default 200. */
  readonly minimumOutcomes?: number;
  /** Undecided after this many outcomes per arm: the champion stays. Default 20,000. */
  readonly maximumOutcomes?: number;
  /** Score the challenger on copies of the champion's traffic first, for this many requests. Default 100. */
  readonly shadowRequests?: number;
}

export interface Rollout {
  readonly kind: "canary";
  readonly steps: readonly number[];
  readonly alpha: number;
  readonly margin: number;
  readonly minimumOutcomes: number;
  readonly maximumOutcomes: number;
  readonly shadowRequests: number;
}

/** Shadow first, then growing shares of traffic, judged by an always-valid sequential test on the outcomes. */
export function canary(options: CanaryOptions = {}): Rollout {
  return Object.freeze({
    kind: "canary" as const, steps: options.steps ?? [0.1, 0.5], alpha: options.alpha ?? 0.05, margin: options.margin ?? 0.1,
    minimumOutcomes: options.minimumOutcomes ?? 200, maximumOutcomes: options.maximumOutcomes ?? 20_000,
    shadowRequests: options.shadowRequests ?? 100,
  });
}

export interface Outcome {
  readonly from: Stream;
  /** The decision id that the caller passed along with the event. */
  readonly decision: ExpressionNode;
  /** For ranking endpoints: which of the answered items the event is about. */
  readonly item: ExpressionNode | undefined;
  /** What the outcome is worth; 1 when absent. */
  readonly reward: ExpressionNode | undefined;
  /** Outcomes later than this after the answer are ignored; an answer without outcome by then counts 0. */
  readonly windowMs: number;
}

export interface OutcomeOptions<Row> {
  readonly decision: (e: EventExpressions<Row>) => Expression<string>;
  readonly item?: (e: EventExpressions<Row>) => Expression<string>;
  readonly reward?: (e: EventExpressions<Row>) => Expression<number>;
  readonly within: Duration;
}

/** Which events tell how good an answer was. */
export function outcomeFrom<Row>(from: Stream<string, Row>, options: OutcomeOptions<Row>): Outcome {
  const e = eventExpressions<Row>();
  return Object.freeze({
    from: from as Stream, decision: options.decision(e).node, item: options.item?.(e).node,
    reward: options.reward?.(e).node, windowMs: durationMs(options.within),
  });
}

export interface EndpointOptions<Request extends z.ZodObject> {
  readonly description?: string;
  readonly model: Model;
  /** For ranking endpoints. */
  readonly candidates?: Candidates;
  readonly request: Request;
  /** Which request field holds each entity's key (the item of a ranking endpoint comes from its candidates). */
  readonly keys: Readonly<Record<string, keyof z.output<Request> & string>>;
  /** For ranking endpoints: request field with items that seed the candidates, such as the current basket. */
  readonly seedItems?: keyof z.output<Request> & string;
  /** Items answered by a ranking endpoint. Default 10. */
  readonly limit?: number;
  readonly rollout?: Rollout;
  /** A later answer is replaced by the fallback. Default "100ms". */
  readonly deadline?: Duration;
  /** Ranking: order by this candidate feature. Otherwise: this score. Default "popularity" or 0. */
  readonly fallback?: CandidateFeature | number;
  readonly outcome?: Outcome;
  /** Share of answers whose features are kept with the prediction, for audit and monitoring. Default 1. */
  readonly featureSampling?: number;
}

export interface Endpoint<Name extends string = string, Request = Readonly<Record<string, unknown>>> {
  readonly kind: "endpoint";
  readonly name: Name;
  readonly description: string;
  readonly model: Model;
  readonly candidates: Candidates | undefined;
  readonly request: z.ZodObject;
  readonly keys: Readonly<Record<string, string>>;
  readonly seedItems: string | undefined;
  readonly limit: number;
  readonly rollout: Rollout;
  readonly deadlineMs: number;
  readonly fallback: CandidateFeature | number;
  readonly outcome: Outcome | undefined;
  readonly featureSampling: number;
  /** Only for the type checker; never present at run time. */
  readonly __request?: Request;
}

/** Declares an endpoint. */
export function defineEndpoint<const Name extends string, Request extends z.ZodObject>(
  name: Name, options: EndpointOptions<Request>,
): Endpoint<Name, z.input<Request>> {
  return Object.freeze({
    kind: "endpoint" as const, name, description: options.description ?? "",
    model: options.model, candidates: options.candidates, request: options.request,
    keys: { ...options.keys }, seedItems: options.seedItems, limit: options.limit ?? 10,
    rollout: options.rollout ?? canary(), deadlineMs: durationMs(options.deadline ?? "100ms"),
    fallback: options.fallback ?? (options.candidates ? "popularity" : 0),
    outcome: options.outcome, featureSampling: options.featureSampling ?? 1,
  });
}
