/** Names of gRPC's status codes (google.rpc.Code), as failures are counted by. */
const NAMES = [
  "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
] as const;

/** "8" → "gRPC RESOURCE_EXHAUSTED". */
export function grpcStatusName(code: string): string {
  return `gRPC ${NAMES[Number(code)] ?? code}`;
}
