/**
 * One keep-alive HTTP/1.1 connection with one request under way at most, on a bare socket: a fetch or an http.Agent
 * costs more than the server under test. Opens itself when it must send and is not open.
 */
import { createConnection } from "node:net";
import type { Socket } from "node:net";
import type { RequestSource } from "./request-source.ts";
import { createResponseReader } from "./response-reader.ts";
import type { HttpAnswer } from "./response-reader.ts";

export interface ConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly source: RequestSource;
  readonly onAnswer: (connection: Connection, answer: HttpAnswer, sinceMs: number) => void;
  /** The request under way will not be answered. */
  readonly onFailure: (connection: Connection, reason: string) => void;
}

export interface Connection {
  /** Sends the next request; its latency counts from `sinceMs`. Returns its size in bytes. */
  send(sinceMs: number): number;
  /** When the request under way came; undefined when there is none. */
  waitsSinceMs(): number | undefined;
  /** Gives up the request under way, and the socket with it. */
  fail(reason: string): void;
  close(): void;
}

export function createClientConnection({ host, port, source, onAnswer, onFailure }: ConnectionOptions): Connection {
  let socket: Socket | undefined;
  let sinceMs: number | undefined;

  const close = (): void => {
    socket?.removeAllListeners();
    socket?.on("error", () => undefined); // what the kernel still reports about it no longer matters
    socket?.destroy();
    socket = undefined;
  };
  const fail = (reason: string): void => {
    close();
    if (sinceMs === undefined) return;
    sinceMs = undefined;
    onFailure(connection, reason);
  };
  const open = (): Socket => {
    const opened = createConnection({ host, port, noDelay: true });
    const reader = createResponseReader((answer) => {
      if (sinceMs === undefined) throw new Error("an answer to nothing");
      const cameMs = sinceMs;
      sinceMs = undefined;
      if (answer.isLast) close();
      onAnswer(connection, answer, cameMs);
    });
    opened.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (thrown) {
        fail(thrown instanceof Error ? thrown.message : String(thrown));
      }
    });
    opened.on("error", (thrown: NodeJS.ErrnoException) => fail(thrown.code ?? thrown.message));
    opened.on("close", () => fail("closed by the server"));
    return opened;
  };
  const connection: Connection = {
    send: (cameMs) => {
      sinceMs = cameMs;
      const request = source.next();
      socket ??= open();
      socket.write(request);
      return request.length;
    },
    waitsSinceMs: () => sinceMs,
    fail,
    close,
  };
  return connection;
}
