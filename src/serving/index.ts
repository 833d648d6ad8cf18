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
export { createReplicaSet } from "./routing/replica-set.ts";
export type { ReplicaModel, ReplicaSet, ReplicaSetOptions } from "./routing/replica-set.ts";
export { createBalancer } from "./routing/balancer.ts";
export type { Attempt, CallOptions } from "./routing/balanced-call.ts";
export type { Balancer, BalancerOptions } from "./routing/balancer.ts";
export type { CallOutcome } from "./routing/call-outcome.ts";
export type { Lease, Wish } from "./routing/fleet.ts";
export type { FleetReport, ReplicaReport } from "./routing/fleet-report.ts";
export type { Replica } from "./routing/replica-record.ts";
export type { RoutingPolicy } from "./routing/routing-policy.ts";
export { createModelServer } from "./server/local-model-server.ts";
export type { LocalModelServer, ModelServerOptions } from "./server/local-model-server.ts";
export { planOfGraph, planOfServedModel } from "./server/model-plan.ts";
export type { ModelPlan } from "./server/model-plan.ts";
export { createTrafficBook } from "./rollout/traffic-book.ts";
export type { TrafficBook } from "./rollout/traffic-book.ts";
export { createTrafficServer } from "./rollout/traffic-server.ts";
export type { TrafficServer } from "./rollout/traffic-server.ts";
export { createTrafficDesk } from "./rollout/traffic-desk.ts";
export type { TrafficDesk, TrafficView } from "./rollout/traffic-desk.ts";
export { createTrafficStore } from "./rollout/traffic-store.ts";
export type { TrafficRecord } from "./rollout/traffic-store.ts";
export type { TrafficMove } from "./rollout/traffic-move.ts";
export type { TrafficState } from "./rollout/traffic-state.ts";
export type { TrafficCounts } from "./rollout/arm-counts.ts";
export type { ShadowReport, ShadowTally } from "./rollout/shadow-report.ts";
