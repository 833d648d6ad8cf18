/** What the mock knows of one request that it answers. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Behaviour } from "./behaviour.ts";

export interface Bill {
  readonly model: string;
  inputTokens: number;
  outputTokens: number;
}

export interface MockRequest {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Readonly<Record<string, unknown>>;
}

/** One request that is being answered. */
export interface MockCall {
  readonly request: MockRequest;
  readonly response: ServerResponse;
  readonly behaviour: Behaviour;
  readonly promptTokens: number;
  /** Words after the caller's limit was applied. */
  readonly words: readonly string[];
  readonly finishReason: "stop" | "length" | "tool_calls";
  readonly bill: Bill;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });
