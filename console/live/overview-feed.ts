/**
 * Follows the server's overviews and keeps trying when they stop. The browser's own reconnecting is not used: it
 * neither backs off nor says what it is doing, and it does not notice a connection that is open but silent.
 */
import type { Overview } from "../../src/protocols/admin/overview.ts";
import { connectionAfter } from "./connection.ts";
import type { Connection } from "./connection.ts";

export interface OverviewFeedOptions {
  readonly open: () => EventSource;
  /** Wall clock, ms since the epoch. */
  readonly now: () => number;
  readonly onOverview: (overview: Overview) => void;
  readonly onConnection: (connection: Connection) => void;
}

export interface OverviewFeed {
  /** Without waiting for the next attempt. */
  retryNow(): void;
  close(): void;
}

/** Overviews come every second; gathering one may take a while on a busy machine. */
const SILENCE_MS = 15_000;

export function followOverviews({ open, now, onOverview, onConnection }: OverviewFeedOptions): OverviewFeed {
  let connection: Connection = { kind: "connecting" };
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;

  const change = (next: Connection): void => {
    connection = next;
    onConnection(next);
  };
  const release = (): void => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const fail = (): void => {
    if (isClosed) return;
    release();
    change(connectionAfter(connection, { kind: "failure", nowMs: now() }));
    if ("retryAtMs" in connection) timer = setTimeout(attempt, connection.retryAtMs - now());
  };
  const expectMessage = (): void => {
    clearTimeout(timer);
    timer = setTimeout(fail, SILENCE_MS);
  };
  const attempt = (): void => {
    release();
    if (isClosed) return;
    const opened = open();
    source = opened;
    opened.addEventListener("overview", (event) => {
      if (source !== opened) return;
      expectMessage();
      onOverview(JSON.parse((event as MessageEvent<string>).data) as Overview); // our own server's document
      if (connection.kind !== "live") change(connectionAfter(connection, { kind: "message" }));
    });
    opened.addEventListener("error", () => { if (source === opened) fail(); });
    expectMessage();
  };

  attempt();
  return {
    retryNow: attempt,
    close: () => {
      isClosed = true;
      release();
    },
  };
}
