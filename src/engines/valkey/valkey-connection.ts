/**
 * One connection to a Valkey or Redis server, through the optional package ioredis. Commands are sent in call order; those
 * that a broken connection left without an answer are sent again when it is back, so every command of ours is harmless
 * to repeat. A server that does not come back within the time makes them fail.
 */
import type { Redis } from "ioredis";
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import { withDeadline } from "../../kernel/lifecycle.ts";

export interface ValkeyOptions {
  /** redis://user:password@host:6379/0, or rediss:// for TLS. */
  readonly url: string;
  /** Begins every key, so that several applications can share a server. Default "strata". */
  readonly prefix?: string;
  /** How long a command waits for an answer, a restart of the server included. Default 10,000 ms. */
  readonly timeoutMs?: number;
  /** How to load ioredis; a test may fail here on purpose. */
  readonly importPackage?: () => Promise<unknown>;
}

export interface ValkeyConnection {
  readonly client: Redis;
  /** The address without its password. */
  readonly place: string;
  readonly prefix: string;
  /** Runs commands while open; failures become the given code. CLOSED after `close`. */
  run<T>(work: (client: Redis) => Promise<T>): Promise<T>;
  /** Waits for what was sent. */
  close(): Promise<void>;
}

export interface ConnectionPurpose {
  /** For CLOSED: "The online store". */
  readonly what: string;
  readonly failure: (reason: string, place: string, cause: unknown) => StrataError;
  /** Makes the scripts known to the client. */
  readonly prepare?: (client: Redis) => void;
}

type Ioredis = typeof import("ioredis");

const CLOSE_TIMEOUT_MS = 5_000;
const RETRY_FIRST_MS = 20;
const RETRY_MOST_MS = 500;

/** RUNTIME_MISSING without ioredis; ENGINE_UNREACHABLE when nothing answers there. */
export async function openValkeyConnection(options: ValkeyOptions, purpose: ConnectionPurpose): Promise<ValkeyConnection> {
  const { url, prefix = "strata", timeoutMs = 10_000 } = options;
  const { Redis } = await importIoredis(options);
  const place = placeOf(url);
  let lastError: unknown;
  const client = new Redis(url, clientOptions(timeoutMs));
  client.on("error", (error) => { lastError = error; }); // told through the commands that fail
  purpose.prepare?.(client);
  try {
    await withDeadline(client.connect(), timeoutMs, "Connecting");
    await client.ping();
  } catch (thrown) {
    client.disconnect();
    throw new StrataError("ENGINE_UNREACHABLE", { engine: "Valkey", place, reason: reasonOf(lastError ?? thrown) }, { cause: lastError ?? thrown });
  }

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    if (client.status === "ready") await withDeadline(client.quit(), CLOSE_TIMEOUT_MS, "Closing").catch(() => undefined);
    client.disconnect();
  };
  return {
    client, place, prefix,
    run: async (work) => {
      if (closing !== undefined) throw new StrataError("CLOSED", { what: `${purpose.what} at ${place}` });
      try {
        return await work(client);
      } catch (thrown) {
        if (isStrataError(thrown)) throw thrown;
        const cause = isTimeout(thrown) && lastError !== undefined ? lastError : thrown;
        throw purpose.failure(reasonOf(cause), place, thrown);
      }
    },
    close: () => closing ??= close(),
  };
}

function clientOptions(timeoutMs: number) {
  return {
    lazyConnect: true, commandTimeout: timeoutMs, connectTimeout: timeoutMs,
    maxRetriesPerRequest: null, // the command's own time is the bound
    retryStrategy: (attempt: number) => Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** Math.min(attempt, 10)),
    reconnectOnError: (error: Error): 2 | false => (error.message.startsWith("READONLY") ? 2 : false), // a replica took over: find the new primary and send again
  };
}

const isTimeout = (thrown: unknown): boolean => thrown instanceof Error && thrown.message === "Command timed out";

async function importIoredis({ importPackage = () => import("ioredis") }: ValkeyOptions): Promise<Ioredis> {
  try {
    return (await importPackage()) as Ioredis;
  } catch (thrown) {
    throw new StrataError("RUNTIME_MISSING", { runtime: "Valkey client", package: "ioredis" }, { cause: thrown });
  }
}

function placeOf(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
