/** Small servers with known behaviour, for the tests of load. */
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "../../../kernel/clock.ts";
import { outcomeOf } from "../load-outcome.ts";
import type { LoadOutcome } from "../load-outcome.ts";
import type { LoadPlan } from "../load-plan.ts";
import { runLoad } from "../load-run.ts";

export interface TestServer extends AsyncDisposable {
  readonly port: number;
}

export async function openTestServer(listener: RequestListener): Promise<TestServer> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // a TCP server has a TCP address
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A plan of forty requests over four connections, in this process. */
export async function loadOf({ port }: Pick<TestServer, "port">, plan: Partial<LoadPlan> = {}): Promise<LoadOutcome> {
  return outcomeOf([await runLoad({
    host: "127.0.0.1", port, exchange: { kind: "http", method: "POST", path: "/", headers: { "content-type": "application/json" }, bodies: ["{}", "[1]"] },
    connections: 4, arrivals: { kind: "closed" }, durationMs: 5_000, maxRequests: 40, timeoutMs: 1_000, ...plan,
  }, { session: "s", now: () => systemClock.now() })]);
}

export const echo: RequestListener = (request, response) => {
  let body = "";
  request.on("data", (chunk: Buffer) => { body += chunk.toString(); }).on("end", () => { response.writeHead(200, { "content-length": body.length }).end(body); });
};
