/** The real Feast SDK, unmodified, with Strata as its remote online store, and the gRPC stubs of the same package. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import application from "../scenarios/feast-app.ts";
import { openTestPlatform, temporaryFolder } from "../scenarios/platform-kit.ts";
import { openPython } from "./python.ts";

const PACKAGES = ["feast[grpcio]==0.66.0"];

interface Told {
  readonly flow: string;
  readonly passed: boolean;
  readonly error?: string;
}

test("flows of the Feast SDK", { timeout: 900_000 }, async (context) => {
  const opened = await openPython(PACKAGES);
  if ("obstacle" in opened) return context.skip(opened.obstacle);
  await using folder = await temporaryFolder();
  await using platform = await openTestPlatform(application, { dataDir: folder.path });
  const script = fileURLToPath(new URL("feast_flows.py", import.meta.url));
  const { stdout } = await opened.python.run([script, "--http", platform.url, "--grpc", platform.grpcUrl], { timeoutMs: 300_000 });
  const flows = stdout.trim().split("\n").filter((line) => line.startsWith("{\"flow\"")).map((line) => JSON.parse(line) as Told);
  assert.equal(flows.length, 20, stdout);
  for (const { flow, passed, error } of flows) await context.test(flow, () => assert.ok(passed, error));
});
