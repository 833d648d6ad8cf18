/** The definition a server runs, and finding a stream or an endpoint in it before anything is sent there. */
import { StrataError } from "../kernel/errors.ts";
import type { ApplicationDocument } from "../platform/definition.ts";
import type { ApiClient } from "./api-client.ts";
import type { JsonSchema } from "./schema-value.ts";

export interface RunningDefinition {
  /** SHA-256 of the document. */
  readonly hash: string;
  readonly document: ApplicationDocument;
}

export function readRunningDefinition(client: ApiClient, signal: AbortSignal): Promise<RunningDefinition> {
  return client.get<RunningDefinition>("/v1/definition", { signal });
}

/** The schema of a stream's events; STREAM_NOT_FOUND. */
export function eventSchema({ resources }: ApplicationDocument, stream: string): JsonSchema {
  const found = Object.hasOwn(resources.streams, stream) ? resources.streams[stream] : undefined;
  if (found === undefined) throw new StrataError("STREAM_NOT_FOUND", { stream, known: Object.keys(resources.streams).join(", ") || "none" });
  return schemaOf(found["schema"]);
}

/** The schema of an endpoint's requests; ENDPOINT_NOT_FOUND. */
export function requestSchema({ resources }: ApplicationDocument, endpoint: string): JsonSchema {
  const found = Object.hasOwn(resources.endpoints, endpoint) ? resources.endpoints[endpoint] : undefined;
  if (found === undefined) throw new StrataError("ENDPOINT_NOT_FOUND", { endpoint, known: Object.keys(resources.endpoints).join(", ") || "none" });
  return schemaOf(found["request"]);
}

function schemaOf(value: unknown): JsonSchema {
  return typeof value === "object" && value !== null ? value : {};
}
