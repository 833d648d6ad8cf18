/** How gRPC answers say what went wrong: names of the status codes (google.rpc.Code), and their sentence. */
const NAMES = [
  "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
] as const;

/** "8" → "gRPC RESOURCE_EXHAUSTED". */
export function grpcStatusName(code: string): string {
  return `gRPC ${NAMES[Number(code)] ?? code}`;
}

/** The sentence of a status, which travels percent-encoded; as it came when it is not. */
export function grpcMessage(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? "");
  } catch {
    return text ?? "";
  }
}
