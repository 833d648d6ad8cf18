/** Layer 3, modelops, as other layers see it. */
export { createExperiments } from "./experiments/experiments.ts";
export type { Experiments } from "./experiments/experiments.ts";
export type { Environment, MetricPoint, NewRun, Run, RunTrigger } from "./experiments/run.ts";
export { createRegistry } from "./registry/registry.ts";
export type { Registry } from "./registry/registry.ts";
export type { Alias, Aliases, GateVerdict } from "./registry/alias-move.ts";
export type { Evidence } from "./registry/evidence.ts";
export type { ModelSignature, ModelVersion, NewModelVersion } from "./registry/model-version.ts";
export { createDecisionLog } from "./delivery/decision-log.ts";
export type { Decision, DecisionKind, DecisionLog, DecisionQuery, NewDecision } from "./delivery/decision-log.ts";
export { decideRetraining } from "./delivery/retraining.ts";
export type { RetrainingDecision, RetrainingSnapshot } from "./delivery/retraining.ts";
export { decideRollback } from "./delivery/post-promotion.ts";
export { advanceRollout } from "./delivery/rollout-advance.ts";
export type { RolloutAdvance } from "./delivery/rollout-advance.ts";
export type { RolloutState } from "./delivery/rollout-state.ts";
export { createRollouts } from "./delivery/rollouts.ts";
export type { Rollouts } from "./delivery/rollouts.ts";
