/** The conformance suite of the Open Inference Protocol for the command line: run it against any server, or serve its models. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineApplication } from "../define/index.ts";
import type { Application } from "../define/index.ts";
import { systemClock } from "../kernel/clock.ts";
import { createGrpcClient } from "../protocols/kserve/conformance/grpc-client.ts";
import { REFERENCE_MODELS } from "../protocols/kserve/conformance/reference-models.ts";
import { runConformance } from "../protocols/kserve/conformance/run.ts";
import type { ConformanceOptions, ConformanceReport } from "../protocols/kserve/conformance/run.ts";
import { loadConfig } from "./config.ts";
import { openPlatform } from "./platform.ts";

export type { CaseResult, ConformanceReport } from "../protocols/kserve/conformance/run.ts";

/** Runs the suite. Deadlines of calls to another process are on the system's time, whatever this process simulates. */
export function checkConformance(options: Omit<ConformanceOptions, "clock">): Promise<ConformanceReport> {
  return runConformance({ ...options, clock: systemClock });
}

/** The reference models as an application: what the suite needs to run whole. */
export function conformanceApplication(): Application {
  return defineApplication("conformance", REFERENCE_MODELS);
}

/** The port after that of the URL is where Strata and Triton listen for gRPC. Undefined when nobody answers there. */
export async function grpcBeside(url: string): Promise<string | undefined> {
  const { hostname, port, protocol } = new URL(url);
  const address = `${hostname}:${Number(port === "" ? (protocol === "https:" ? 443 : 80) : port) + 1}`;
  using client = createGrpcClient(address, systemClock);
  const { status } = await client.call("ServerLive", {}, { deadlineMs: 2_000 });
  return status === "OK" ? address : undefined;
}

export interface ConformanceServer extends AsyncDisposable {
  readonly url: string;
  readonly grpcUrl: string;
}

/** A server of the reference models, in a folder that goes with it. */
export async function openConformanceServer({ port, host, name }: { readonly port: number; readonly host: string; readonly name: string }): Promise<ConformanceServer> {
  await using stack = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), "strata-conformance-"));
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  const { config } = loadConfig({ environment: {}, flags: { dataDir, port, host, inferenceName: name, logLevel: "error" } });
  const platform = stack.use(await openPlatform({ definition: conformanceApplication(), config }));
  const owned = stack.move();
  return { url: platform.url, grpcUrl: platform.grpcUrl, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
