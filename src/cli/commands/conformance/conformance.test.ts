import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { openConformanceServer } from "../../../platform/conformance.ts";
import type { ConformanceReport } from "../../../platform/conformance.ts";
import { runCommandLine } from "../../command-line.ts";
import { createRecordedHost } from "../../recorded-host.ts";

async function strata(...words: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  const host = createRecordedHost();
  const code = await runCommandLine(["conformance", ...words], host);
  return { code, output: host.output() + host.errors() };
}

test("our own server keeps to the protocol; the gRPC port beside it is found", async () => {
  await using server = await openConformanceServer({ port: 0, host: "127.0.0.1", name: "strata" });
  const told = await strata("oip", server.url, "--grpc", server.grpcUrl, "--filter", "infer");
  assert.equal(told.code, 0, told.output);
  assert.match(told.output, /the server keeps to the protocol: \d+ cases passed, 0 differ, 0 skipped/);
  const report = JSON.parse((await strata("oip", server.url, "--grpc", "none", "--filter", "health", "--json")).output) as ConformanceReport;
  assert.deepEqual([report.conforms, report.differs, report.results.filter(({ transport }) => transport === "grpc").every(({ outcome }) => outcome === "skipped")], [true, 0, true]);
});

test("a server that says yes to everything is found out, with exit status 1", async () => {
  const server = createServer((_, response) => response.end("{}"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { code, output } = await strata("oip", `http://127.0.0.1:${(server.address() as AddressInfo).port}`, "--filter", "health");
  server.close();
  server.closeAllConnections();
  assert.equal(code, 1);
  assert.match(output, /rest\.health\.live-body \(must\)/);
  assert.match(output, /no gRPC address/);
});

test("addresses that are none, and nobody there", async () => {
  assert.equal((await strata("oip", "localhost:8000")).code, 2);
  const { code, output } = await strata("oip", "http://127.0.0.1:1");
  assert.equal(code, 1);
  assert.match(output, /SERVER_UNREACHABLE/);
});
