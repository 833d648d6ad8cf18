/**
 * One keep-alive HTTP/1.1 connection with one request under way at most, on a bare socket: a fetch or an http.Agent
 * costs more than the server under test. Opens itself when it must send and is not open.
 */
import type { Socket } from "node:net";
import { openClientSocket } from "./client-socket.ts";
import type { LoadPlan } from "./load-plan.ts";
import type { RequestSource } from "./request-source.ts";
import { createResponseReader } from "./response-reader.ts";
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
  let sentMs = 0;
  let aliveMs = 0;

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
  const open = (): Socket => {
    const opened = openClientSocket(target);
    let status = 0, isLast = false, streams = false;
    let pieces: Buffer[] = [];
    let keptBytes = 0;
    const reader = createResponseReader({
      onHead: (head) => {
        ({ status, isLast } = head);
        streams = stream !== undefined && status < 300;
        pieces = [];
        keptBytes = 0;
      },
      onBody: (piece) => {
        if (streams) return stream?.push(piece, performance.now());
        keptBytes += piece.length;
        if (status < 300 || keptBytes <= KEPT_BYTES) pieces.push(piece);
      },
      onEnd: () => {
        if (cameMs === undefined) throw new Error("a response to nothing");
        const body = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
        const broken = streams ? stream?.end() : undefined;
        const answer = { failure: status >= 300 ? `status ${status}` : broken?.failure, body: broken?.detail ?? body, cameMs, sentMs };
        if (!streams) stream?.abandon();
        cameMs = undefined;
        if (isLast) close();
        events.onAnswer(slot, answer);
      },
    }, hasBodies);
    opened.on("data", (chunk: Buffer) => {
      events.onBytes(chunk.length);
      if (stream !== undefined) aliveMs = performance.now();
      try {
        reader.push(chunk);
      } catch (thrown) {
        fail(thrown instanceof Error ? thrown.message : String(thrown));
      }
    });
    opened.on("error", (thrown: NodeJS.ErrnoException) => fail(thrown.code ?? thrown.message));
    opened.on("close", () => {
      if (!reader.end()) fail(streams ? "stream was cut" : "closed by the server");
    });
    return opened;
  };
  const slot: Slot = {
    send: (since) => {
      cameMs = since;
      aliveMs = since;
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
