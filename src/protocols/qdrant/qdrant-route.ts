/** A route of Qdrant's API: what it is given, and what it may use. */
import type { VectorIndexes } from "../../data/index.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { HttpRequest } from "../http.ts";
import type { Json } from "./wire-points.ts";

export interface QdrantParts {
  readonly indexes: VectorIndexes;
  readonly clock: Clock;
  /** Collections that the definition declares: their shape is not changed from here. */
  readonly isDefined: (name: string) => boolean;
  /** Text to a vector by the index's own embedding. EMBEDDING_FAILED, REQUEST_INVALID when it has none. */
  readonly embed: (index: string, text: string) => Promise<readonly number[]>;
}

export interface QdrantCall {
  readonly parameters: Readonly<Record<string, string>>;
  readonly request: HttpRequest;
  readonly body: () => Json;
}

/** What a route gives: the result to be wrapped, or a response as it is. */
export type QdrantRoute = readonly [method: string, pattern: string, handle: (call: QdrantCall) => unknown];
