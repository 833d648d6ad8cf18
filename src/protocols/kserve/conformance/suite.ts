/** The conformance suite of the Open Inference Protocol: every case, in the order of its areas. */
import { GRPC_DATATYPES, GRPC_INFER, GRPC_REFUSALS, GRPC_STREAM } from "./cases/grpc-infer.ts";
import { GRPC_EXTENSIONS, GRPC_HEALTH, GRPC_METADATA } from "./cases/grpc-server.ts";
import { REST_BINARY, REST_COMPRESSION } from "./cases/rest-binary.ts";
import { REST_BINARY_DATATYPES, REST_DATATYPES } from "./cases/rest-datatypes.ts";
import { REST_CLASSIFICATION, REST_CONFIGURATION, REST_LOAD, REST_REPOSITORY, REST_STATISTICS } from "./cases/rest-extensions.ts";
import { REST_INFER, REST_REFUSALS } from "./cases/rest-infer.ts";
import { REST_HEALTH, REST_MODEL, REST_READY, REST_SERVER } from "./cases/rest-server.ts";
import type { ConformanceCase } from "./conformance-case.ts";

export const CONFORMANCE_CASES: readonly ConformanceCase[] = [
  ...REST_HEALTH, ...REST_SERVER, ...REST_MODEL, ...REST_READY, ...REST_INFER, ...REST_REFUSALS, ...REST_DATATYPES, ...REST_BINARY_DATATYPES, ...REST_BINARY, ...REST_COMPRESSION,
  ...REST_CLASSIFICATION, ...REST_REPOSITORY, ...REST_CONFIGURATION, ...REST_STATISTICS, ...REST_LOAD,
  ...GRPC_HEALTH, ...GRPC_METADATA, ...GRPC_INFER, ...GRPC_DATATYPES, ...GRPC_REFUSALS, ...GRPC_STREAM, ...GRPC_EXTENSIONS,
];
