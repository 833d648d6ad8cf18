/**
 * Unary gRPC calls over node:http2 with messages encoded beforehand: no client library, no encoding under load. Several
 * slots share a connection, as the streams of one. A lost connection fails its calls and is opened again by the next.
 */
import { connect, constants } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { grpcMessage, grpcStatusName } from "./grpc-status.ts";
import type { GrpcExchange, LoadPlan } from "./load-plan.ts";
import type { Slot, SlotEvents } from "./slot.ts";

const FRAME_HEAD_BYTES = 5;
/** Answers of megabytes must not wait for window updates of the default 64 KiB. */
const WINDOW_BYTES = 16 << 20;

export function createGrpcSlots(plan: LoadPlan, exchange: GrpcExchange, events: SlotEvents): readonly Slot[] {
  const frames = exchange.messages.map(frameOf);
  const links = Array.from({ length: Math.ceil(plan.connections / exchange.streamsPerConnection) }, () => createLink(plan));
  const headers: OutgoingHttpHeaders = {
    [constants.HTTP2_HEADER_METHOD]: "POST", [constants.HTTP2_HEADER_PATH]: exchange.path, te: "trailers", "content-type": "application/grpc", ...exchange.metadata,
  };
  return Array.from({ length: plan.connections }, (_, slot) =>
    createGrpcSlot({ link: links[Math.floor(slot / exchange.streamsPerConnection)]!, headers, frames, first: slot % frames.length, events }));
}

function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(FRAME_HEAD_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, FRAME_HEAD_BYTES);
  return frame;
}

/** A connection that opens when it is needed. */
interface Link {
  open(): ClientHttp2Session;
  close(): void;
}

function createLink({ host, port, tls }: Pick<LoadPlan, "host" | "port" | "tls">): Link {
  let session: ClientHttp2Session | undefined;
  return {
    open: () => {
      if (session !== undefined && !session.closed && !session.destroyed) return session;
      const authority = `${tls === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
      const opened = connect(authority, { settings: { initialWindowSize: WINDOW_BYTES, enablePush: false }, ...(tls === undefined ? {} : { rejectUnauthorized: !tls.allowsAnyCertificate }) });
      opened.once("connect", () => opened.setLocalWindowSize(WINDOW_BYTES));
      opened.on("error", () => undefined); // each call hears of it through its own stream
      opened.on("goaway", () => opened.close());
      session = opened;
      return opened;
    },
    close: () => {
      session?.destroy();
      session = undefined;
    },
  };
}

interface GrpcSlotOptions {
  readonly link: Link;
  readonly headers: OutgoingHttpHeaders;
  readonly frames: readonly Buffer[];
  readonly first: number;
  readonly events: SlotEvents;
}

function createGrpcSlot({ link, headers, frames, first, events }: GrpcSlotOptions): Slot {
  let at = first;
  let cameMs: number | undefined;
  let stream: ClientHttp2Stream | undefined;

  const fail = (reason: string): void => {
    stream?.removeAllListeners();
    stream?.on("error", () => undefined);
    stream?.close(constants.NGHTTP2_CANCEL);
    stream = undefined;
    if (cameMs === undefined) return;
    cameMs = undefined;
    events.onFailure(slot, reason);
  };
  const begin = (frame: Buffer, sentMs: number): ClientHttp2Stream => {
    const opened = link.open().request(headers);
    const pieces: Buffer[] = [];
    let status: string | undefined, message: string | undefined;
    const readStatus = (fields: IncomingHttpHeaders): void => {
      status ??= textOf(fields["grpc-status"]);
      message ??= textOf(fields["grpc-message"]);
    };
    opened.on("response", (fields) => {
      if (fields[":status"] !== 200) fail(`status ${fields[":status"]}`);
      else readStatus(fields); // an answer of trailers only
    });
    opened.on("data", (piece: Buffer) => {
      pieces.push(piece);
      events.onBytes(piece.length);
    });
    opened.on("trailers", readStatus);
    opened.on("error", (thrown: NodeJS.ErrnoException) => fail(thrown.code ?? thrown.message));
    opened.on("close", () => {
      if (cameMs === undefined || stream !== opened) return;
      if (status === undefined) return fail("closed by the server");
      const failure = status === "0" ? undefined : grpcStatusName(status);
      const body = failure === undefined ? (pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)) : Buffer.from(grpcMessage(message));
      const answer = { failure, body, cameMs, sentMs };
      cameMs = stream = undefined;
      events.onAnswer(slot, answer);
    });
    opened.end(frame);
    return opened;
  };
  const slot: Slot = {
    send: (since) => {
      cameMs = since;
      const frame = frames[at]!;
      at = at + 1 === frames.length ? 0 : at + 1;
      stream = begin(frame, performance.now());
      return frame.length;
    },
    waitsSinceMs: () => cameMs,
    fail,
    close: () => link.close(),
  };
  return slot;
}

const textOf = (value: string | readonly string[] | undefined): string | undefined => (typeof value === "string" ? value : value?.[0]);
