/** What a mock upstream does with a request; the default is to behave. */
export interface Behaviour {
  /** Answers with this status instead. */
  readonly status?: number;
  readonly retryAfterSeconds?: number;
  /** OpenAI's error object of such an answer. */
  readonly error?: unknown;
  /** Words of the answer, one frame each. Default 12. */
  readonly words?: readonly string[];
  readonly firstDelayMs?: number;
  readonly betweenDelayMs?: number;
  /** The connection breaks after so many frames with text; 0: before the first. */
  readonly cutAfter?: number;
  /** The connection breaks when the finish reason has been sent, before usage and [DONE]. */
  readonly cutBeforeDone?: boolean;
  /** The connection ends properly after so many frames with text, without finish reason and [DONE]. */
  readonly endAfter?: number;
  /** Nothing more comes after so many frames; the connection stays. */
  readonly stallAfter?: number;
  /** The frame with this number is not JSON. */
  readonly garbageAt?: number;
  /** The frame with this number is an error object. */
  readonly errorAt?: number;
  /** Line ends, optional space, comments, and bytes that arrive in pieces of this size (also inside a character). */
  readonly framing?: { readonly lineEnd?: "\n" | "\r\n" | "\r"; readonly space?: boolean; readonly comments?: boolean; readonly pieceBytes?: number };
  /**
   * - "chunk": in an extra chunk when asked (OpenAI). Default.
   * - "none": never.
   * - "with-choices": in the chunk that has the finish reason.
   * - "each": in every chunk, adding up (vLLM's continuous_usage_stats).
   * - "zero": everything was free, and it says so.
   */
  readonly usage?: "chunk" | "none" | "with-choices" | "each" | "zero";
  /** How often [DONE] is sent. Default 1. */
  readonly done?: 0 | 1 | 2;
  /** Ignores max_tokens. */
  readonly ignoresLimit?: boolean;
  /** Answers a streaming request with a JSON body. */
  readonly answersWhole?: boolean;
}

export const WORDS: readonly string[] = ["Strata", " answers", " with", " twelve", " words", ":", " naïve", " café", " 日本", " 🚀", " the", " end"];
