/**
 * Questions and answers between two processes over their IPC channel. Either side asks by name and gets an answer or
 * the other side's error; when the channel ends, everything that waits fails.
 */
import { StrataError, toStrataError } from "../../kernel/errors.ts";
import type { ErrorCode } from "../../kernel/errors.ts";

export interface ProcessLink {
  /** DEADLINE_EXCEEDED after the timeout, CLOSED when the other process is gone. */
  ask<Answer>(what: string, payload?: unknown, timeoutMs?: number): Promise<Answer>;
  /** No answer is awaited. */
  tell(what: string, payload?: unknown): void;
  /** Who answers to a name. Names are declared once. */
  on(what: string, answer: (payload: never) => unknown): void;
  close(): void;
}

/** The channel's ends: a cluster worker in the parent, `process` in the child. */
export interface LinkEnd {
  readonly send: (message: LinkMessage) => void;
  readonly subscribe: (receive: (message: LinkMessage) => void) => void;
}

export type LinkMessage =
  | { readonly link: "ask"; readonly id: number; readonly what: string; readonly payload: unknown }
  | { readonly link: "tell"; readonly what: string; readonly payload: unknown }
  | { readonly link: "answer"; readonly id: number; readonly answer: unknown }
  | { readonly link: "failure"; readonly id: number; readonly failure: WireError };

interface WireError {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds: number | undefined;
  readonly problems: StrataError["problems"];
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: StrataError) => void;
  readonly timer: NodeJS.Timeout;
}

const DEFAULT_TIMEOUT_MS = 30_000;

export function createProcessLink(name: string, end: LinkEnd): ProcessLink {
  const waiting = new Map<number, Waiting>();
  const answers = new Map<string, (payload: never) => unknown>();
  let lastId = 0;
  let isClosed = false;

  const answer = async ({ id, what, payload }: Extract<LinkMessage, { link: "ask" }>): Promise<void> => {
    try {
      const handler = answers.get(what);
      if (handler === undefined) throw new StrataError("INTERNAL", { reason: `process ${name} was asked "${what}", which it does not know` });
      const result = await handler(payload as never); // both ends are one program
      if (!isClosed) end.send({ link: "answer", id, answer: result });
    } catch (thrown) {
      const { code, details, retryAfterSeconds, problems } = toStrataError(thrown);
      if (!isClosed) end.send({ link: "failure", id, failure: { code, details, retryAfterSeconds, problems } });
    }
  };
  const take = (id: number): Waiting | undefined => {
    const asked = waiting.get(id);
    waiting.delete(id);
    clearTimeout(asked?.timer);
    return asked;
  };
  end.subscribe((message) => {
    switch (message.link) {
      case "ask": void answer(message); return;
      case "tell": answers.get(message.what)?.(message.payload as never); return;
      case "answer": take(message.id)?.resolve(message.answer); return;
      case "failure": take(message.id)?.reject(errorOf(message.failure)); return;
      default: // messages of the channel that are not ours
    }
  });

  return {
    ask: <Answer>(what: string, payload?: unknown, timeoutMs = DEFAULT_TIMEOUT_MS) => new Promise<Answer>((resolve, reject) => {
      if (isClosed) return reject(new StrataError("CLOSED", { what: `The channel to process ${name}` }));
      const id = ++lastId;
      const timer = setTimeout(() => {
        waiting.delete(id);
        reject(new StrataError("DEADLINE_EXCEEDED", { what: `Asking process ${name} for "${what}"`, timeoutMs }));
      }, timeoutMs);
      waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject, timer }); // both ends are one program
      end.send({ link: "ask", id, what, payload });
    }),
    tell: (what, payload) => { if (!isClosed) end.send({ link: "tell", what, payload }); },
    on: (what, handler) => { answers.set(what, handler); },
    close: () => {
      isClosed = true;
      for (const id of waiting.keys()) take(id)?.reject(new StrataError("CLOSED", { what: `The channel to process ${name}` }));
    },
  };
}

function errorOf({ code, details, retryAfterSeconds, problems }: WireError): StrataError {
  return new StrataError(code, details, { problems, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) });
}
