/**
 * Reads HTTP/1.1 responses from the pieces a socket delivers (RFC 9112): bodies by Content-Length, in chunks, or until
 * the connection ends. What it does not understand it refuses, so it cannot mismeasure it.
 */
export interface ResponseHead {
  readonly status: number;
  /** The server will close the connection after this response. */
  readonly isLast: boolean;
}

export interface ResponseEvents {
  onHead(head: ResponseHead): void;
  /** A piece of the body; valid until the callback returns. */
  onBody(piece: Buffer): void;
  onEnd(): void;
}

export interface ResponseReader {
  /** Throws when the bytes are no response this reader understands. */
  push(chunk: Buffer): void;
  /** The connection has ended: true when that was the end of a body without length. */
  end(): boolean;
}

interface ParsedHead extends ResponseHead {
  /** "chunked", the length, or undefined: until the connection ends. */
  readonly body: "chunked" | number | undefined;
}

type State =
  | { readonly at: "head" }
  | { readonly at: "length"; left: number }
  | { readonly at: "chunk size" }
  /** `left` counts the line break after the chunk's bytes. */
  | { readonly at: "chunk"; left: number }
  | { readonly at: "trailer" }
  | { readonly at: "until end" };

const HEAD_END = "\r\n\r\n";
const MAX_HEAD_BYTES = 64 * 1024;
const MAX_CHUNK_LINE_BYTES = 4 * 1024;

/** `hasBodies` is false for answers to HEAD. */
export function createResponseReader({ onHead, onBody, onEnd }: ResponseEvents, hasBodies = true): ResponseReader {
  let rest: Buffer | undefined;
  let state: State = { at: "head" };
  const finish = (): void => {
    state = { at: "head" };
    onEnd();
  };
  const takeHead = (bytes: Buffer): number => {
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) {
      if (bytes.length > MAX_HEAD_BYTES) throw new Error(`no end of the response's head in ${bytes.length} bytes`);
      return 0;
    }
    const head = readHead(bytes.toString("latin1", 0, end));
    if (head.status < 200) return end + HEAD_END.length; // an interim response; the real one follows
    onHead(head);
    const body = hasBodies ? head.body : 0;
    if (body === 0) finish();
    else state = body === "chunked" ? { at: "chunk size" } : body === undefined ? { at: "until end" } : { at: "length", left: body };
    return end + HEAD_END.length;
  };
  const takeChunkSize = (bytes: Buffer): number => {
    const end = bytes.indexOf("\r\n");
    if (end < 0) {
      if (bytes.length > MAX_CHUNK_LINE_BYTES) throw new Error("the response's chunk has no size");
      return 0;
    }
    const text = bytes.toString("latin1", 0, end);
    const size = /^[0-9a-fA-F]{1,12}(?=$|[ \t;])/.exec(text)?.[0];
    if (size === undefined) throw new Error(`not the size of a response's chunk: ${JSON.stringify(text.slice(0, 40))}`);
    state = Number.parseInt(size, 16) === 0 ? { at: "trailer" } : { at: "chunk", left: Number.parseInt(size, 16) + 2 };
    return end + 2;
  };
  const takeTrailer = (bytes: Buffer): number => {
    const end = bytes.indexOf("\r\n");
    if (end < 0) return 0;
    if (end === 0) finish();
    return end + 2;
  };
  const takeLength = (bytes: Buffer, current: { left: number }): number => {
    const taken = Math.min(bytes.length, current.left);
    current.left -= taken;
    onBody(bytes.subarray(0, taken));
    if (current.left === 0) finish();
    return taken;
  };
  const takeChunk = (bytes: Buffer, current: { left: number }): number => {
    const taken = Math.min(bytes.length, current.left);
    const content = Math.min(taken, current.left - 2);
    current.left -= taken;
    if (content > 0) onBody(bytes.subarray(0, content));
    if (current.left === 0) state = { at: "chunk size" };
    return taken;
  };
  const takeAll = (bytes: Buffer): number => {
    onBody(bytes);
    return bytes.length;
  };
  /** Bytes that were used; 0 when more are needed. */
  const take = (bytes: Buffer): number => {
    switch (state.at) {
      case "head": return takeHead(bytes);
      case "length": return takeLength(bytes, state);
      case "chunk size": return takeChunkSize(bytes);
      case "chunk": return takeChunk(bytes, state);
      case "trailer": return takeTrailer(bytes);
      case "until end": return takeAll(bytes);
    }
  };
  return {
    push: (chunk) => {
      let bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
      rest = undefined;
      while (bytes.length > 0) {
        const used = take(bytes);
        if (used === 0) break;
        bytes = bytes.subarray(used);
      }
      if (bytes.length > 0) rest = bytes;
    },
    end: () => {
      if (state.at !== "until end") return false;
      finish();
      return true;
    },
  };
}

const LENGTH = /\r\ncontent-length: *(\d+)/i;
const CHUNKED = /\r\ntransfer-encoding: *(?:[^\r]*, *)?chunked/i;
const CLOSING = /\r\nconnection: *close/i;

function readHead(head: string): ParsedHead {
  const status = Number(head.slice(9, 12));
  if (!/^HTTP\/1\.[01] /.test(head) || !Number.isInteger(status) || status < 100) throw new Error(`not an HTTP/1.1 response: ${JSON.stringify(head.slice(0, 40))}`);
  const length = LENGTH.exec(head)?.[1];
  const isLast = CLOSING.test(head) || head.startsWith("HTTP/1.0");
  if (status === 204 || status === 304 || status < 200) return { status, isLast, body: 0 };
  if (length !== undefined) return { status, isLast, body: Number(length) };
  return CHUNKED.test(head) ? { status, isLast, body: "chunked" } : { status, isLast: true, body: undefined };
}
