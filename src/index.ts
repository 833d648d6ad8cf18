/** Strata's public names, listed one by one. */
export { z } from "zod";
export {
  canary, count, defineApplication, defineLanguageModel, defineServedModel, defineUpstream, functionModel, onnxModel, openInferenceModel, secret, target, tensor, defineCandidates, defineEndpoint, defineEntity, defineExpectations, between, freshWithin, holds, matches, notNull, oneOf, refersTo, sameDistribution, sql, unique, defineFeatureService, defineFeatureView, defineModel, defineOnDemand,
  defineStream, deriveStream, joinStreams, sessionStream, defineVectorIndex, distinct, eachCandidate, eachEvent, every, fromModel, fromUpstream, gate, gradientBoosting, happensWithin, interaction, labelValue, last, max, mean, min,
  onDrift, onNewData, onPerformanceDrop, outcomeFrom, sum,
  approximateDistinct, first, histogram, lastN, quantile, standardDeviation, topK, variance,
  defineInferenceGraph, ensemble, sequence, splitter, step, switchOn,
  allowList, answerSchema, defineGuardrail, denyList, redactPersonalData, screenPromptInjection,
} from "./define/index.ts";
export type {
  Aggregation, Application, Batching, Guardrail, GuardrailMessage, GuardrailVerdict, InferenceGraph, LanguageModel, ModelSource, ServedModel, Target, TensorValue, Upstream, VersionPolicy, Candidates, Endpoint, Entity, Expression, FeatureView, Gate, Model, OnDemand, RowOf, Stream, Trainer, Trigger,
} from "./define/index.ts";
export { StrataError, isStrataError } from "./kernel/errors.ts";
export type { ErrorBody, ErrorCode, Problem } from "./kernel/errors.ts";
