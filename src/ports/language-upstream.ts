/**
 * Where language models run. The gateway speaks the OpenAI dialect to it; an engine translates to the upstream's own
 * words and back. Engines are naive: retries, fallbacks, timeouts, accounting and completeness are the gateway's.
 *
 * Contract: `call` resolves with the whole answer (also to a streaming call, where the upstream cannot stream), or with a
 * stream once the upstream has accepted the request.
 * Members of the body that an engine does not know go upstream unchanged where the dialect allows it.
 * Errors before the answer: UPSTREAM_REFUSED (the caller's mistake; `details.status`, and `details.error` as the
 * upstream wrote it), UPSTREAM_BUSY (with `retryAfterSeconds` when the upstream said so), UPSTREAM_FAILED
 * (`details.status` when there was one: 401, 403 and 404 mean that our own configuration is wrong), OPERATION_UNSUPPORTED,
 * RUNTIME_MISSING. In a stream: STREAM_BROKEN, also for bytes that are not what the dialect promises; nothing is skipped silently.
 * The AbortSignal stops the upstream's work at once, in every phase, and raises its reason.
 */
import type { JsonObject } from "../kernel/json-object.ts";
import type { LedgerUsage } from "./budget-ledger.ts";

export type UpstreamOperation = "chat" | "text_completion" | "embeddings";

export type { JsonObject };

export interface UpstreamCall {
  readonly operation: UpstreamOperation;
  /** The request in OpenAI's words; its `model` and limits are replaced by the members below. */
  readonly body: JsonObject;
  /** The model's name at the upstream. */
  readonly model: string;
  /** Most output tokens of one choice; undefined: as the body says. */
  readonly maxOutputTokens: number | undefined;
  readonly isStream: boolean;
  /** Sent along as x-request-id where the dialect has such a header. */
  readonly requestId: string;
  readonly signal: AbortSignal;
}

/** One frame of a stream in OpenAI's words. */
export interface StreamPiece {
  /** As server-sent bytes with the blank line at the end; the upstream's own bytes where nothing had to be rewritten. */
  readonly bytes: Uint8Array;
  /** The same, parsed: `{choices: [{index, delta, finish_reason}], usage?}`. */
  readonly chunk: JsonObject;
  /** Usage so far, in OpenAI's words, where the dialect tells it at a place that OpenAI's has not. */
  readonly usage?: JsonObject;
}

/**
 * Pieces that arrived together, in order. The iteration ends when the upstream said that the answer is complete (or closed
 * the connection properly: the gateway checks the finish reasons), and raises otherwise. `return()` stops the upstream.
 */
export type StreamBatches = AsyncIterable<readonly StreamPiece[]>;

export type UpstreamAnswer =
  /** `bytes` is the JSON text of `json`, the upstream's own where nothing had to be rewritten. */
  | { readonly kind: "whole"; readonly bytes: Uint8Array; readonly json: JsonObject }
  | { readonly kind: "stream"; readonly batches: StreamBatches };

export interface LanguageUpstream extends AsyncDisposable {
  call(call: UpstreamCall): Promise<UpstreamAnswer>;
}

/** What an upstream charges for; `usage` in OpenAI's words is read by the gateway. */
export type UpstreamUsage = LedgerUsage;
