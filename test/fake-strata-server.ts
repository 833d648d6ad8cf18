/** A server that answers what a test says, on a free port, and remembers what it was asked; and a run of one command against it. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { runCommandLine } from "../src/cli/command-line.ts";
import { createRecordedHost, type RecordedHost, type RecordedHostOptions } from "../src/cli/recorded-host.ts";
import { systemClock } from "../src/kernel/clock.ts";
import { StrataError } from "../src/kernel/errors.ts";

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a string as it is. */
  readonly body: unknown;
}

export interface FakeServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly FakeRequest[];
  /** "POST /v1/plan", in the order they came. */
  lines(): readonly string[];
}

/** `answers` is asked with "GET /v1/status"; without an answer the path does not exist. A thrown StrataError is sent as the server would. */
export async function openFakeServer(answers: (line: string, request: FakeRequest) => FakeAnswer | undefined | Promise<FakeAnswer | undefined>): Promise<FakeServer> {
  const requests: FakeRequest[] = [];
  const server = createServer((message, response) => {
    const handle = async (): Promise<FakeAnswer> => {
      const request = await readRequest(message);
      requests.push(request);
      const answer = await answers(`${request.method} ${request.path}`, request);
      if (answer === undefined) throw new StrataError("ROUTE_NOT_FOUND", { method: request.method, path: request.path });
      return answer;
    };
    void handle().catch(refusal).then(({ status = 200, headers, body }) => {
      response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests, lines: () => requests.map(({ method, path }) => `${method} ${path}`),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readRequest(message: IncomingMessage): Promise<FakeRequest> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of message as AsyncIterable<Uint8Array>) chunks.push(chunk);
  const { pathname, searchParams } = new URL(message.url ?? "/", "http://fake");
  return { method: message.method ?? "", path: pathname, query: Object.fromEntries(searchParams), headers: message.headers, text: Buffer.concat(chunks).toString() };
}

function refusal(thrown: unknown): FakeAnswer {
  const error = thrown instanceof StrataError ? thrown : new StrataError("INTERNAL", { reason: String(thrown) }, { cause: thrown });
  return {
    status: error.status, body: { error: error.toJSON() },
    ...(error.retryAfterSeconds === undefined ? {} : { headers: { "retry-after": String(error.retryAfterSeconds) } }),
  };
}

export interface Outcome {
  readonly code: number;
  readonly host: RecordedHost;
}

/** Runs `strata <words>` in this process, with STRATA_URL naming the server. */
export async function runStrata(words: readonly string[], server: Pick<FakeServer, "url"> | undefined, options: RecordedHostOptions = {}): Promise<Outcome> {
  const environment = { ...(server === undefined ? {} : { STRATA_URL: server.url }), ...options.environment };
  const host = createRecordedHost({ clock: systemClock, ...options, environment });
  return { code: await runCommandLine(words, host), host };
}
