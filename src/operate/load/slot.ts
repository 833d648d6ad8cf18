/** A place for one request at a time: an HTTP/1.1 connection, or a stream of a gRPC connection. */
export interface Slot {
  /** Sends the next request; its latency counts from `cameMs`. Returns its size in bytes. */
  send(cameMs: number): number;
  /** When the request under way came, or last gave a sign of life if it streams; undefined when there is none. */
  waitsSinceMs(): number | undefined;
  /** Gives up the request under way. */
  fail(reason: string): void;
  close(): void;
}

export interface Answered {
  /** undefined: success. Otherwise what is counted: "status 503". */
  readonly failure: string | undefined;
  /** Valid until the callback returns. */
  readonly body: Buffer;
  readonly cameMs: number;
  readonly sentMs: number;
}

export interface SlotEvents {
  onAnswer(slot: Slot, answer: Answered): void;
  /** The request under way will not be answered. */
  onFailure(slot: Slot, reason: string): void;
  /** Bytes that came in. */
  onBytes(count: number): void;
}
