/** The definition language, as other layers see it. */
export { canary, defineEndpoint, outcomeFrom } from "./endpoint.ts";
export type { CanaryOptions, Endpoint, EndpointOptions, Outcome, Rollout } from "./endpoint.ts";
export {
  approximateDistinct, columnNames, count, distinct, first, histogram, last, lastN, max, mean, min, quantile, shapeOf, standardDeviation, sum, topK, variance,
} from "./aggregation.ts";
export type { Aggregation, AggregationKind, AggregationNode } from "./aggregation.ts";
export type { HoppingOptions, SessionOptions, TumblingOptions, WindowNode } from "./window.ts";
export { CANDIDATE_FEATURES, defineCandidates, interaction } from "./candidates.ts";
export type { CandidateFeature, Candidates, Interaction, SimilarSource } from "./candidates.ts";
export { compileExpression, fieldsOf } from "./expression.ts";
export type { Evaluator, EventExpressions, EventValue, Expression, ExpressionNode, Scalar } from "./expression.ts";
export { defineApplication } from "./application.ts";
export type { Application } from "./application-type.ts";
export { SYSTEM_STREAM_PREFIX } from "./application-check.ts";
export { defineEntity, KEY_SEPARATOR } from "./entity.ts";
export type { Entity } from "./entity.ts";
export { defineFeatureView } from "./feature-view.ts";
export type { FeatureView } from "./feature-view.ts";
export { featurePins, findChangedFeature } from "./feature-pins.ts";
export type { FeaturePins } from "./feature-pins.ts";
export { defineFeatureService } from "./feature-service.ts";
export type { FeatureService } from "./feature-service.ts";
export { defineExpectations, describeExpectations, ruleFields } from "./expectations.ts";
export type { Expectations, ExpectationsOptions } from "./expectations.ts";
export { between, freshWithin, holds, matches, notNull, oneOf, refersTo, sameDistribution, sql, unique } from "./expectation-rule.ts";
export type { DistributionRule, EventRule, FreshnessRule, Rule, RuleAction, RuleKind, RuleNode, RuleTest, SameDistributionOptions, Severity, SqlRule, StreamRule } from "./expectation-rule.ts";
export { expressionText } from "./expression-text.ts";
export { defineVectorIndex, fromModel, fromUpstream } from "./vector-index.ts";
export type { Embedding, PointSource, VectorIndex, VectorIndexOptions } from "./vector-index.ts";
export { defineModel, entitiesOf, featureColumns } from "./model.ts";
export type { FeatureColumn, FeatureProvider, Model } from "./model.ts";
export { defineOnDemand } from "./on-demand.ts";
export type { OnDemand } from "./on-demand.ts";
export { COMPATIBILITY_MODES, defineStream, isIntegerField } from "./stream.ts";
export type { CompatibilityMode, RowOf, Stream, StreamQuota } from "./stream.ts";
export { derivationOf } from "./derivation.ts";
export type { Derivation, Enrichment, FieldMap, JoinDerivation, JoinSide, MapDerivation, SessionAggregate, SessionDerivation } from "./derivation.ts";
export { deriveStream } from "./derive-stream.ts";
export { joinStreams } from "./join-streams.ts";
export { sessionStream } from "./session-stream.ts";
export { describeApplication, describeSchema, hashApplication, hashDerivation, hashCandidates, hashFeatureView, hashModel } from "./document.ts";
export type { ApplicationDocument, ResourceDocument, ResourceKind } from "./document.ts";
export { diffDefinitions } from "./difference.ts";
export type { ResourceChange, ValueChange } from "./difference.ts";
export { eachCandidate, eachEvent, happensWithin, labelValue } from "./training-examples.ts";
export type { Examples, Label } from "./training-examples.ts";
export { batchingOf, defineServedModel, functionModel, onnxModel, openInferenceModel, tensor } from "./served-model.ts";
export type {
  Batching, BatchingOptions, FunctionCall, FunctionSource, ModelSource, OnnxSource, OpenInferenceSource, ServedModel, ServedModelOptions, TensorType, TensorValue, VersionPolicy,
} from "./served-model.ts";
export { dependenciesOf } from "./inference-graph-edges.ts";
export { defineInferenceGraph, ensemble, modelSteps, sequence, splitter, step, switchOn } from "./inference-graph.ts";
export type {
  EnsembleStep, GraphMember, GraphStep, GraphTensors, InferenceGraph, InferenceGraphOptions, ModelStep, SequenceStep, SplitterStep, StepOptions, SwitchStep,
} from "./inference-graph.ts";
export { defineLanguageModel, defineUpstream, secret, target } from "./language-model.ts";
export type { LanguageModel, LanguageModelOptions, Secret, Target, TargetOptions, Upstream, UpstreamOptions } from "./language-model.ts";
export { defineGuardrail } from "./guardrail.ts";
export { allowList } from "./guardrail-allow-list.ts";
export type { AllowListOptions } from "./guardrail-allow-list.ts";
export { answerSchema } from "./guardrail-answer-schema.ts";
export { denyList } from "./guardrail-deny-list.ts";
export type { DenyListOptions } from "./guardrail-deny-list.ts";
export { redactPersonalData } from "./guardrail-personal-data.ts";
export type { RedactPersonalDataOptions } from "./guardrail-personal-data.ts";
export { screenPromptInjection } from "./guardrail-prompt-injection.ts";
export type { ScreenPromptInjectionOptions } from "./guardrail-prompt-injection.ts";
export type { AnswerFilter, AnswerPart, CallGuardrail, FilteredText, Guardrail, GuardrailCall, GuardrailChecks, GuardrailMessage, GuardrailOptions, GuardrailVerdict } from "./guardrail.ts";
export { every, onDrift, onNewData, onPerformanceDrop } from "./trigger.ts";
export type { Trigger } from "./trigger.ts";
export { gate, isHigherBetter } from "./gate.ts";
export type { Gate, MetricName } from "./gate.ts";
export { gradientBoosting } from "./trainer.ts";
export type { GradientBoostingOptions, Objective, Trainer } from "./trainer.ts";
