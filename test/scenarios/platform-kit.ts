/**
 * A whole platform for a test: in a folder that goes away, on a free port, quiet, and moving its control loop only
 * when told. Requests go over HTTP as bytes, so that a test may send what no client library would.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Application } from "strata";
import { loadConfig, openPlatform } from "strata/testing";
import type { Clock, Platform } from "strata/testing";

/** A folder that is gone when the test is over. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "strata-scenario-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export interface TestPlatformOptions {
  readonly dataDir: string;
  readonly clock?: Clock;
  /** Settings beside the folder and the port. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly watch?: boolean;
  readonly onReload?: Parameters<typeof openPlatform>[0]["onReload"];
}

/** A profile file, when the same scenarios are to run over servers (test/servers/scale-out.test.ts). */
const profile = process.env["SCENARIO_PROFILE"] ?? "";

/** Nothing is checkpointed by time: what a restart finds is what closing wrote. */
export function openTestPlatform(definition: string | Application, { dataDir, clock, settings = {}, watch = false, onReload }: TestPlatformOptions): Promise<Platform> {
  const { config } = loadConfig({ environment: {}, flags: { profile, dataDir, port: 0, listeners: 1, logLevel: "error", checkpointSeconds: 3_600, trainingThreads: 1, ...settings } });
  return openPlatform({ definition, config, runsControlLoop: false, watch, ...(clock ? { clock } : {}), ...(onReload ? { onReload } : {}) });
}

export interface Sent {
  readonly method?: string;
  /** Sent as it is, percent signs and all. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text and bytes are sent as they are, an iterable piece by piece without a length, anything else as JSON. */
  readonly body?: unknown;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; undefined when it is none. */
  readonly json: unknown;
}

/** One request; POST when there is a body. */
export function send(url: string, { path, body, method = body === undefined ? "GET" : "POST", headers = {} }: Sent): Promise<Answered> {
  const isRaw = typeof body === "string" || body instanceof Uint8Array;
  const isStreamed = typeof body === "object" && body !== null && Symbol.asyncIterator in body;
  const bytes = body === undefined || isStreamed ? undefined : isRaw ? body : JSON.stringify(body);
  const type = body === undefined || isRaw || isStreamed ? {} : { "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { path, method, headers: { ...type, ...headers } }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject).on("end", () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, json: parse(text) });
      });
    });
    outgoing.on("error", reject);
    if (isStreamed) void stream(outgoing, body as AsyncIterable<Uint8Array>);
    else outgoing.end(bytes);
  });
}

async function stream(outgoing: ReturnType<typeof httpRequest>, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of pieces) {
    if (outgoing.destroyed) return;
    if (!outgoing.write(piece)) await new Promise((resolve) => outgoing.once("drain", resolve).once("close", resolve));
  }
  outgoing.end();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Asks again until the answer is there; fails with what it saw last when the deadline passes. */
export async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined, timeoutMs = 20_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) assert.fail(`${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
