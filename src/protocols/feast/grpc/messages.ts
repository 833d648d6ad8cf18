/**
 * Feast's gRPC messages and services, as data (see grpc-messages.ts): package `feast.serving` with ServingService, as
 * Feast's Java and Go servers have it, and GrpcFeatureServer without a package, as its Python server has it. Numbers and
 * names are those of feast-dev/feast 0.66, protos/feast/serving and protos/feast/types. Kinds of values that no feature
 * or key of ours can be (maps, sets, lists of other kinds) are left out: they arrive as no value.
 */
import { loadServices, messages, method } from "../../grpc-messages.ts";

const VALUE = "feast.types.Value";
const SCALARS = [
  "1 bytes bytes_val", "2 string string_val", "3 int32 int32_val", "4 int64 int64_val", "5 double double_val", "6 float float_val", "7 bool bool_val", "8 int64 unix_timestamp_val", "19 Null null_val",
  "12 StringList string_list_val", "14 Int64List int64_list_val", "15 DoubleList double_list_val", "17 BoolList bool_list_val", "32 string json_val", "36 string uuid_val", "37 string time_uuid_val", "44 string decimal_val",
].map((field) => `${field} of val`);

const TYPES = {
  ...messages({
    Value: SCALARS, RepeatedValue: ["1 repeated Value val"],
    StringList: ["1 repeated string val"], Int64List: ["1 repeated int64 val"], DoubleList: ["1 repeated double val"], BoolList: ["1 repeated bool val"],
  }),
  Null: { values: { NULL: 0 } },
};

const SERVING = {
  ...messages({
    GetFeastServingInfoRequest: [], GetFeastServingInfoResponse: ["1 string version"],
    FeatureList: ["1 repeated string val"],
    GetOnlineFeaturesRequest: [
      "1 string feature_service of kind", "2 FeatureList features of kind", "3 map feast.types.RepeatedValue entities", "4 bool full_feature_names", "5 map feast.types.RepeatedValue request_context",
      "6 bool include_feature_view_version_metadata",
    ],
    Timestamp: ["1 int64 seconds", "2 int32 nanos"],
    FeatureVector: [`1 repeated ${VALUE} values`, "2 repeated FieldStatus statuses", "3 repeated Timestamp event_timestamps"],
    FeatureViewMetadata: ["1 string name", "2 int32 version"],
    GetOnlineFeaturesResponseMetadata: ["1 FeatureList feature_names", "2 repeated FeatureViewMetadata feature_view_metadata"],
    GetOnlineFeaturesResponse: ["1 GetOnlineFeaturesResponseMetadata metadata", "2 repeated FeatureVector results", "3 bool status"],
  }),
  FieldStatus: { values: { INVALID: 0, PRESENT: 1, NULL_VALUE: 2, NOT_FOUND: 3, OUTSIDE_MAX_AGE: 4 } },
  ServingService: { methods: Object.fromEntries([method("GetFeastServingInfo", "GetFeastServingInfoRequest", "GetFeastServingInfoResponse"), method("GetOnlineFeatures", "GetOnlineFeaturesRequest", "GetOnlineFeaturesResponse")]) },
};

const SERVER = {
  ...messages({
    PushRequest: ["1 map string features", "2 string stream_feature_view", "3 bool allow_registry_cache", "4 string to", `5 map ${VALUE} typed_features`], PushResponse: ["1 bool status"],
    WriteToOnlineStoreRequest: ["1 map string features", "2 string feature_view_name", "3 bool allow_registry_cache", `4 map ${VALUE} typed_features`], WriteToOnlineStoreResponse: ["1 bool status"],
  }),
  GrpcFeatureServer: {
    methods: Object.fromEntries([
      method("Push", "PushRequest", "PushResponse"), method("WriteToOnlineStore", "WriteToOnlineStoreRequest", "WriteToOnlineStoreResponse"),
      method("GetOnlineFeatures", "feast.serving.GetOnlineFeaturesRequest", "feast.serving.GetOnlineFeaturesResponse"),
    ]),
  },
};

const services = loadServices({ feast: { nested: { types: { nested: TYPES }, serving: { nested: SERVING } } }, ...SERVER });

export const SERVING_SERVICE = services["feast.serving.ServingService"]!;
export const FEATURE_SERVER = services["GrpcFeatureServer"]!;
