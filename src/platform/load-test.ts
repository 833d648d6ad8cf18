/**
 * Load testing for the command line: the generator, what it measures, and what follows from it. Names its files one by
 * one: a load test loads none of the platform it measures.
 */
export { failuresOf, requestsOf, throughputOf } from "../operate/load/load-outcome.ts";
export type { LoadOutcome, StreamOutcome } from "../operate/load/load-outcome.ts";
export { openLoadGenerator } from "../operate/load/load-generator.ts";
export type { LoadGenerator } from "../operate/load/load-generator.ts";
export type { ArrivalPlan, Exchange, LoadPlan } from "../operate/load/load-plan.ts";
export type { LatencySummary } from "../operate/load/latency-histogram.ts";
export { measureLoad, warmUp } from "../operate/load/load-measurement.ts";
export type { LoadMeasurement, ServerCost } from "../operate/load/load-measurement.ts";
export { findListeners } from "../operate/load/process-usage.ts";
export { chatRequests } from "../operate/load/chat-requests.ts";
export { grpcModelInputs } from "../operate/load/grpc-call.ts";
export { INFER_METHOD, binaryRequest, grpcRequest, jsonRequest } from "../operate/load/inference-requests.ts";
export { inputsOf, randomTensor } from "../operate/load/random-tensor.ts";
export { capacityOf, concurrencyOf } from "../operate/load/capacity.ts";
export type { Capacity } from "../operate/load/capacity.ts";
export { drawCurve } from "../operate/load/curve-picture.ts";
export type { CurvePoint } from "../operate/load/curve-picture.ts";
export { searchRate } from "../operate/load/load-search.ts";
export type { LoadSearch, MeasuredStep } from "../operate/load/load-search.ts";
export type { LoadBounds } from "../operate/load/step-verdict.ts";
