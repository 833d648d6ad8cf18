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
export function createResponseReader(events: ResponseEvents, hasBodies = true): ResponseReader {
  return new IncrementalReader(events, hasBodies);
}

class IncrementalReader implements ResponseReader {
  readonly #events: ResponseEvents;
  readonly #hasBodies: boolean;
  #state: State = { at: "head" };
  #rest: Buffer | undefined;

  constructor(events: ResponseEvents, hasBodies: boolean) {
    this.#events = events;
    this.#hasBodies = hasBodies;
  }

  push(chunk: Buffer): void {
    let bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    while (bytes.length > 0) {
      const used = this.#take(bytes);
      if (used === 0) break;
      bytes = bytes.subarray(used);
    }
    if (bytes.length > 0) this.#rest = bytes;
  }

  end(): boolean {
    if (this.#state.at !== "until end") return false;
    this.#finish();
    return true;
  }

  /** Bytes that were used; 0 when more are needed. */
  #take(bytes: Buffer): number {
    const state = this.#state;
    switch (state.at) {
      case "head": return this.#takeHead(bytes);
      case "length": return this.#takeLength(bytes, state);
      case "chunk size": return this.#takeChunkSize(bytes);
      case "chunk": return this.#takeChunk(bytes, state);
      case "trailer": return this.#takeTrailer(bytes);
      case "until end":
        this.#events.onBody(bytes);
        return bytes.length;
    }
  }

  #finish(): void {
    this.#state = { at: "head" };
    this.#events.onEnd();
  }

  #takeHead(bytes: Buffer): number {
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) {
      if (bytes.length > MAX_HEAD_BYTES) throw new Error(`no end of the response's head in ${bytes.length} bytes`);
      return 0;
    }
    const head = readHead(bytes.toString("latin1", 0, end));
    if (head.status < 200) return end + HEAD_END.length; // an interim response; the real one follows
    this.#events.onHead(head);
    const body = this.#hasBodies ? head.body : 0;
    if (body === 0) this.#finish();
    else this.#state = body === "chunked" ? { at: "chunk size" } : body === undefined ? { at: "until end" } : { at: "length", left: body };
    return end + HEAD_END.length;
  }

  #takeLength(bytes: Buffer, state: { left: number }): number {
    const taken = Math.min(bytes.length, state.left);
    state.left -= taken;
    this.#events.onBody(bytes.subarray(0, taken));
    if (state.left === 0) this.#finish();
    return taken;
  }

  #takeChunkSize(bytes: Buffer): number {
    const end = bytes.indexOf("\r\n");
    if (end < 0) {
      if (bytes.length > MAX_CHUNK_LINE_BYTES) throw new Error("the response's chunk has no size");
      return 0;
    }
    const text = bytes.toString("latin1", 0, end);
    const size = /^[0-9a-fA-F]{1,12}(?=$|[ \t;])/.exec(text)?.[0];
    if (size === undefined) throw new Error(`not the size of a response's chunk: ${JSON.stringify(text.slice(0, 40))}`);
    this.#state = Number.parseInt(size, 16) === 0 ? { at: "trailer" } : { at: "chunk", left: Number.parseInt(size, 16) + 2 };
    return end + 2;
  }

  #takeChunk(bytes: Buffer, state: { left: number }): number {
    const taken = Math.min(bytes.length, state.left);
    const content = Math.min(taken, state.left - 2);
    state.left -= taken;
    if (content > 0) this.#events.onBody(bytes.subarray(0, content));
    if (state.left === 0) this.#state = { at: "chunk size" };
    return taken;
  }

  #takeTrailer(bytes: Buffer): number {
    const end = bytes.indexOf("\r\n");
    if (end < 0) return 0;
    if (end === 0) this.#finish();
    return end + 2;
  }
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
