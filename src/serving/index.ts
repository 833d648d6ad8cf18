/** Layer 4, serving, as other layers see it. */
export { createEndpointService } from "./endpoint-service.ts";
export type { Answer, AnswerOptions, EndpointService } from "./endpoint-service.ts";
export type {
  BatchNote, BatchReason, DurationStatistic, ExplainedRequest, InferenceAnswer, InferenceRequest, LoadOptions, ModelMetadata, ModelServer, ModelState, ModelStatistics, RepositoryEntry,
} from "./model-server.ts";
export { createModelPool } from "./model-pool.ts";
export type { ModelPool, ServableVersion, ServingVersion } from "./model-pool.ts";
export type { Matrix } from "../ports/model-runtime.ts";
export { PREDICTIONS_LOG } from "./prediction.ts";
export type { PredictionEvent, SampledRow, ScoredItem, ShadowResult } from "./prediction.ts";
export { isInShare, routeTraffic } from "./traffic.ts";
export type { Route, TrafficPlan, Variant } from "./traffic.ts";
