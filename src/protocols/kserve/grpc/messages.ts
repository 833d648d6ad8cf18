/**
 * The messages and services of Open Inference gRPC, as data (see grpc-messages.ts). Numbers and names are the protocol's:
 * kserve/open-inference-protocol `open_inference_grpc.proto`, Triton's extensions of it, and grpc.health.v1.
 * Messages that those nest in others stand beside them here; on the wire a message's name does not appear.
 */
import { loadServices, messages, method } from "../../grpc-messages.ts";
import type { Messages } from "../../grpc-messages.ts";

const TENSORS: Messages = {
  InferParameter: ["1 bool bool_param of parameter_choice", "2 int64 int64_param of parameter_choice", "3 string string_param of parameter_choice", "4 double double_param of parameter_choice", "5 uint64 uint64_param of parameter_choice"],
  InferTensorContents: [
    "1 repeated bool bool_contents", "2 repeated int32 int_contents", "3 repeated int64 int64_contents", "4 repeated uint32 uint_contents",
    "5 repeated uint64 uint64_contents", "6 repeated float fp32_contents", "7 repeated double fp64_contents", "8 repeated bytes bytes_contents",
  ],
  InferInputTensor: ["1 string name", "2 string datatype", "3 repeated int64 shape", "4 map InferParameter parameters", "5 InferTensorContents contents"],
  InferRequestedOutputTensor: ["1 string name", "2 map InferParameter parameters"],
  InferOutputTensor: ["1 string name", "2 string datatype", "3 repeated int64 shape", "4 map InferParameter parameters", "5 InferTensorContents contents"],
  ModelInferRequest: [
    "1 string model_name", "2 string model_version", "3 string id", "4 map InferParameter parameters", "5 repeated InferInputTensor inputs",
    "6 repeated InferRequestedOutputTensor outputs", "7 repeated bytes raw_input_contents",
  ],
  ModelInferResponse: ["1 string model_name", "2 string model_version", "3 string id", "4 map InferParameter parameters", "5 repeated InferOutputTensor outputs", "6 repeated bytes raw_output_contents"],
  ModelStreamInferResponse: ["1 string error_message", "2 ModelInferResponse infer_response"],
};

const SERVER: Messages = {
  ServerLiveRequest: [], ServerLiveResponse: ["1 bool live"],
  ServerReadyRequest: [], ServerReadyResponse: ["1 bool ready"],
  ModelReadyRequest: ["1 string name", "2 string version"], ModelReadyResponse: ["1 bool ready"],
  ServerMetadataRequest: [], ServerMetadataResponse: ["1 string name", "2 string version", "3 repeated string extensions"],
  ModelMetadataRequest: ["1 string name", "2 string version"],
  TensorMetadata: ["1 string name", "2 string datatype", "3 repeated int64 shape"],
  ModelMetadataResponse: ["1 string name", "2 repeated string versions", "3 string platform", "4 repeated TensorMetadata inputs", "5 repeated TensorMetadata outputs", "6 map string properties"],
};

const REPOSITORY: Messages = {
  ModelRepositoryParameter: ["1 bool bool_param of parameter_choice", "2 int64 int64_param of parameter_choice", "3 string string_param of parameter_choice", "4 bytes bytes_param of parameter_choice"],
  RepositoryIndexRequest: ["1 string repository_name", "2 bool ready"],
  ModelIndex: ["1 string name", "2 string version", "3 string state", "4 string reason"],
  RepositoryIndexResponse: ["1 repeated ModelIndex models"],
  RepositoryModelLoadRequest: ["1 string repository_name", "2 string model_name", "3 map ModelRepositoryParameter parameters"], RepositoryModelLoadResponse: [],
  RepositoryModelUnloadRequest: ["1 string repository_name", "2 string model_name", "3 map ModelRepositoryParameter parameters"], RepositoryModelUnloadResponse: [],
};

const STATISTICS: Messages = {
  ModelStatisticsRequest: ["1 string name", "2 string version"],
  StatisticDuration: ["1 uint64 count", "2 uint64 ns"],
  InferStatistics: ["success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss"].map((name, at) => `${at + 1} StatisticDuration ${name}`),
  InferBatchStatistics: ["1 uint64 batch_size", "2 StatisticDuration compute_input", "3 StatisticDuration compute_infer", "4 StatisticDuration compute_output"],
  ModelStatistics: [
    "1 string name", "2 string version", "3 uint64 last_inference", "4 uint64 inference_count", "5 uint64 execution_count", "6 InferStatistics inference_stats",
    "7 repeated InferBatchStatistics batch_stats",
  ],
  ModelStatisticsResponse: ["1 repeated ModelStatistics model_stats"],
};

/** The part of Triton's ModelConfig that a model here can have. */
const CONFIGURATION: Messages = {
  ModelConfigRequest: ["1 string name", "2 string version"], ModelConfigResponse: ["1 ModelConfig config"],
  ModelConfig: [
    "1 string name", "2 string platform", "17 string backend", "3 ModelVersionPolicy version_policy", "4 int32 max_batch_size", "5 repeated ModelInput input", "6 repeated ModelOutput output",
    "11 ModelDynamicBatching dynamic_batching", "15 ModelEnsembling ensemble_scheduling", "7 repeated ModelInstanceGroup instance_group", "8 string default_model_filename",
    "14 map ModelParameter parameters", "19 ModelTransactionPolicy model_transaction_policy", "24 ModelResponseCache response_cache",
  ],
  ModelInput: ["1 string name", "2 DataType data_type", "4 repeated int64 dims", "8 bool optional"],
  ModelOutput: ["1 string name", "2 DataType data_type", "3 repeated int64 dims", "4 string label_filename"],
  ModelVersionPolicy: ["1 LatestVersions latest of policy_choice", "2 AllVersions all of policy_choice", "3 SpecificVersions specific of policy_choice"],
  LatestVersions: ["1 uint32 num_versions"], AllVersions: [], SpecificVersions: ["1 repeated int64 versions"],
  ModelQueuePolicy: ["1 TimeoutAction timeout_action", "2 uint64 default_timeout_microseconds", "3 bool allow_timeout_override", "4 uint32 max_queue_size"],
  ModelDynamicBatching: [
    "1 repeated int32 preferred_batch_size", "2 uint64 max_queue_delay_microseconds", "3 bool preserve_ordering", "4 uint64 priority_levels", "5 uint64 default_priority_level", "6 ModelQueuePolicy default_queue_policy",
  ],
  EnsembleStep: ["1 string model_name", "2 int64 model_version", "3 map string input_map", "4 map string output_map"],
  ModelEnsembling: ["1 repeated EnsembleStep step"],
  ModelInstanceGroup: ["1 string name", "4 InstanceKind kind", "2 int32 count"],
  ModelParameter: ["1 string string_value"], ModelTransactionPolicy: ["1 bool decoupled"], ModelResponseCache: ["1 bool enable"],
};

const ENUMS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  DataType: {
    TYPE_INVALID: 0, TYPE_BOOL: 1, TYPE_UINT8: 2, TYPE_UINT16: 3, TYPE_UINT32: 4, TYPE_UINT64: 5, TYPE_INT8: 6, TYPE_INT16: 7, TYPE_INT32: 8, TYPE_INT64: 9,
    TYPE_FP16: 10, TYPE_FP32: 11, TYPE_FP64: 12, TYPE_STRING: 13, TYPE_BF16: 14,
  },
  TimeoutAction: { REJECT: 0, DELAY: 1 },
  InstanceKind: { KIND_AUTO: 0, KIND_GPU: 1, KIND_CPU: 2, KIND_MODEL: 3 },
};

const METHODS = ["ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer", "ModelConfig", "ModelStatistics", "RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload"] as const;

const INFERENCE = {
  ...messages({ ...TENSORS, ...SERVER, ...REPOSITORY, ...STATISTICS, ...CONFIGURATION }),
  ...Object.fromEntries(Object.entries(ENUMS).map(([name, values]) => [name, { values: { ...values } }])),
  GRPCInferenceService: {
    methods: Object.fromEntries([
      ...METHODS.map((name) => method(name, `${name}Request`, `${name}Response`)),
      method("ModelStreamInfer", "ModelInferRequest", "ModelStreamInferResponse", { requestStream: true, responseStream: true }),
    ]),
  },
};

const HEALTH = {
  ...messages({ HealthCheckRequest: ["1 string service"], HealthCheckResponse: ["1 ServingStatus status"] }),
  ServingStatus: { values: { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } },
  Health: { methods: Object.fromEntries([method("Check", "HealthCheckRequest", "HealthCheckResponse"), method("Watch", "HealthCheckRequest", "HealthCheckResponse", { responseStream: true })]) },
};

const definitions = loadServices({ inference: { nested: INFERENCE }, grpc: { nested: { health: { nested: { v1: { nested: HEALTH } } } } } });

/** Paths, and how messages of each method are written and read. */
export const INFERENCE_SERVICE = definitions["inference.GRPCInferenceService"]!;
export const HEALTH_SERVICE = definitions["grpc.health.v1.Health"]!;
export type UnaryMethodName = (typeof METHODS)[number];
