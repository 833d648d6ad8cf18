/** A call of a language model as the protocols hand it to the gateway, and what they get back. */
import type { JsonObject, StreamPiece } from "../../ports/language-upstream.ts";
import type { Operation } from "./call-policy.ts";

export interface LanguageCall {
  /** In the caller's dialect: what is booked and measured. */
  readonly operation: Operation;
  /** The language model's name in the definition. */
  readonly model: string;
  /** The request in OpenAI's chat, completions or embeddings words. */
  readonly body: JsonObject;
  /** Of the caller's body: no tokenizer makes more tokens of a text than it has bytes, so this bounds the input. */
  readonly sizeBytes: number;
  readonly isStream: boolean;
  /** The bearer secret. */
  readonly secret: string | undefined;
  readonly requestId: string;
  /** Fires when the caller went away. */
  readonly signal: AbortSignal;
}

/** What happened to a call, for headers. */
export interface CallNote {
  readonly upstream: string;
  /** The model's name there. */
  readonly model: string;
  readonly attempts: number;
  /** Milliseconds that the gateway itself took before the upstream was asked and after it had answered. */
  readonly addedMs: number;
  /** "hit", "similar", "miss"; undefined: the model has no cache. */
  readonly cache: "hit" | "similar" | "miss" | undefined;
  /** The budget paid for fewer output tokens than were asked for, and they are used up. */
  readonly isCutByBudget: boolean;
}

export type LanguageAnswer =
  | { readonly kind: "whole"; readonly bytes: Uint8Array; readonly json: JsonObject; readonly note: CallNote }
  /** Raises when the answer is not complete; until then nothing of it was wrong. */
  | { readonly kind: "stream"; readonly batches: AsyncIterable<readonly StreamPiece[]>; readonly note: CallNote };
