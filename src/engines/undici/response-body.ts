/**
 * The body of one response: chunks that arrive faster than they are taken pause the socket. It is read by one reader,
 * as a whole or chunk by chunk.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { TransportBody } from "../../ports/upstream-transport.ts";

/** What a response's connection lets us do. */
export interface BodyController {
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

export interface ResponseBody {
  readonly body: TransportBody;
  start(controller: BodyController): void;
  push(chunk: Buffer): void;
  end(): void;
  fail(error: Error): void;
}

/** Enough for a few hundred frames; a reader that is slower than that holds the upstream back. */
const PAUSE_BYTES = 256 * 1024;
/** A rest that nobody wants may take this long to arrive; then a new connection is cheaper. */
const DISCARD_MS = 1_000;

export function createResponseBody(name: string): ResponseBody {
  const chunks: Buffer[] = [];
  let waitingBytes = 0;
  let isPaused = false;
  let isDiscarding = false;
  let ended: "no" | "whole" | Error = "no";
  let controller: BodyController | undefined;
  let wake: (() => void) | undefined;

  const rouse = (): void => {
    const waiter = wake;
    wake = undefined;
    waiter?.();
  };
  const arrival = (): Promise<void> => new Promise((resolve) => { wake = resolve; });
  const take = (): Buffer => {
    const chunk = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    chunks.length = 0;
    waitingBytes = 0;
    if (isPaused) {
      isPaused = false;
      controller?.resume();
    }
    return chunk;
  };
  /** Everything that has arrived; undefined at the end. */
  const next = async (): Promise<Buffer | undefined> => {
    for (;;) {
      if (chunks.length > 0) return take();
      if (ended === "whole") return undefined;
      if (ended !== "no") throw ended;
      await arrival();
    }
  };
  const cut = (reason: Error): void => {
    if (ended === "no") controller?.abort(reason);
  };

  return {
    body: {
      whole: async (limitBytes) => {
        const parts: Buffer[] = [];
        let sizeBytes = 0;
        for (let part = await next(); part !== undefined; part = await next()) {
          parts.push(part);
          sizeBytes += part.length;
          if (sizeBytes <= limitBytes) continue;
          const error = new StrataError("UPSTREAM_FAILED", { upstream: name, reason: `its answer is larger than ${limitBytes} bytes` });
          cut(error);
          throw error;
        }
        return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      },
      discard: () => {
        if (ended !== "no") return;
        isDiscarding = true;
        take();
        setTimeout(() => cut(new StrataError("ABORTED", { what: "Reading the rest of an answer" })), DISCARD_MS).unref();
      },
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          const value = await next();
          return value === undefined ? { done: true, value: undefined } : { done: false, value };
        },
        return: () => {
          if (!isDiscarding) cut(new StrataError("ABORTED", { what: "Reading an answer" }));
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    },
    start: (started) => { controller = started; },
    push: (chunk) => {
      if (isDiscarding) return;
      chunks.push(chunk);
      waitingBytes += chunk.length;
      if (waitingBytes > PAUSE_BYTES && !isPaused) {
        isPaused = true;
        controller?.pause();
      }
      rouse();
    },
    end: () => {
      if (ended === "no") ended = "whole";
      rouse();
    },
    fail: (error) => {
      if (ended === "no") ended = error;
      rouse();
    },
  };
}
