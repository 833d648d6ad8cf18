/**
 * One keep-alive HTTP/1.1 connection with one request under way at most, on a bare socket: a fetch or an http.Agent
 * costs more than the server under test. Opens itself when it must send and is not open.
 */
import type { Socket } from "node:net";
import { openClientSocket } from "./client-socket.ts";
import type { LoadPlan } from "./load-plan.ts";
import type { RequestSource } from "./request-source.ts";
import { createResponseReader } from "./response-reader.ts";
import type { ResponseHead } from "./response-reader.ts";
import type { Slot, SlotEvents } from "./slot.ts";

export interface HttpSlotOptions {
  readonly target: Pick<LoadPlan, "host" | "port" | "tls">;
  readonly source: RequestSource;
  readonly events: SlotEvents;
  /** False for HEAD. */
  readonly hasBodies: boolean;
  /** Given for streams: reads the body while it comes. */
  readonly stream?: StreamReader;
}

/** What reads a body that streams. */
export interface StreamReader {
  /** A request was sent. */
  begin(cameMs: number): void;
  push(piece: Buffer, nowMs: number): void;
  /** The body is complete; what is wrong with it, if something is: a word to count and what it said. */
  end(): { readonly failure: string; readonly detail: Buffer } | undefined;
  /** The request ended without a complete body. */
  abandon(): void;
}

/** Of a failed answer: enough to read its sentence. */
const KEPT_BYTES = 64 * 1024;

export function createHttpSlot({ target, source, events, hasBodies, stream }: HttpSlotOptions): Slot {
  let socket: Socket | undefined;
  let cameMs: number | undefined;
  let sentMs = 0, aliveMs = 0;

  const close = (): void => {
    socket?.removeAllListeners();
    socket?.on("error", () => undefined); // what the kernel still reports about it no longer matters
    socket?.destroy();
    socket = undefined;
  };
  const fail = (reason: string): void => {
    close();
    if (cameMs === undefined) return;
    cameMs = undefined;
    stream?.abandon();
    events.onFailure(slot, reason);
  };
  const onAnswer = ({ failure, body, isLast }: Answer): void => {
    if (cameMs === undefined) throw new Error("a response to nothing");
    const answer = { failure, body, cameMs, sentMs };
    cameMs = undefined;
    if (isLast) close();
    events.onAnswer(slot, answer);
  };
  const open = (): Socket => {
    const opened = openClientSocket(target);
    const answers = createAnswerReader({ onAnswer, hasBodies, stream });
    opened.on("data", (chunk: Buffer) => {
      events.onBytes(chunk.length);
      if (stream !== undefined) aliveMs = performance.now();
      try {
        answers.push(chunk);
      } catch (thrown) {
        fail(thrown instanceof Error ? thrown.message : String(thrown));
      }
    });
    opened.on("error", (thrown: NodeJS.ErrnoException) => fail(thrown.code ?? thrown.message));
    opened.on("close", () => {
      if (!answers.end()) fail(answers.isStreaming() ? "stream was cut" : "closed by the server");
    });
    return opened;
  };
  const slot: Slot = {
    send: (since) => {
      cameMs = aliveMs = since;
      const request = source.next();
      socket ??= open();
      sentMs = performance.now();
      stream?.begin(since);
      socket.write(request);
      return request.length;
    },
    waitsSinceMs: () => (cameMs === undefined ? undefined : aliveMs),
    fail,
    close,
  };
  return slot;
}

interface Answer {
  readonly failure: string | undefined;
  readonly body: Buffer;
  readonly isLast: boolean;
}

interface AnswerReader {
  push(chunk: Buffer): void;
  end(): boolean;
  /** A stream's body is being read. */
  isStreaming(): boolean;
}

interface AnswerReaderOptions {
  readonly onAnswer: (answer: Answer) => void;
  readonly hasBodies: boolean;
  readonly stream: StreamReader | undefined;
}

/** Collects bodies; those of streams go to their reader while they come. */
function createAnswerReader({ onAnswer, hasBodies, stream }: AnswerReaderOptions): AnswerReader {
  let head: ResponseHead = { status: 0, isLast: false };
  let isStreaming = false;
  let pieces: Buffer[] = [];
  let keptBytes = 0;
  const reader = createResponseReader({
    onHead: (next) => {
      head = next;
      isStreaming = stream !== undefined && head.status < 300;
      pieces = [];
      keptBytes = 0;
    },
    onBody: (piece) => {
      if (isStreaming) return stream?.push(piece, performance.now());
      keptBytes += piece.length;
      if (head.status < 300 || keptBytes <= KEPT_BYTES) pieces.push(piece);
    },
    onEnd: () => {
      const broken = isStreaming ? stream?.end() : undefined;
      if (!isStreaming) stream?.abandon();
      isStreaming = false;
      const body = broken?.detail ?? (pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
      onAnswer({ failure: head.status >= 300 ? `status ${head.status}` : broken?.failure, body, isLast: head.isLast });
    },
  }, hasBodies);
  return { push: (chunk) => reader.push(chunk), end: () => reader.end(), isStreaming: () => isStreaming };
}
