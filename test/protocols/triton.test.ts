/**
 * Triton's own Python client, unmodified, against a Strata: our flows over it, and, where TRITON_EXAMPLES names a folder
 * with the example scripts of triton-inference-server/client (src/python/examples), those as they are.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openTestPlatform, temporaryFolder } from "../scenarios/platform-kit.ts";
import { openPython } from "./python.ts";
import { eightModels, sevenModels } from "./triton-models.ts";

/** [all] without the CUDA and perf_analyzer parts, which need hardware and are no clients. */
const PACKAGES = ["tritonclient[http,grpc]==2.73.0", "numpy"];

interface Told {
  readonly flow: string;
  readonly passed: boolean;
  readonly error?: string;
}

/** The scripts want a server called "triton". */
async function openTriton(application = sevenModels) {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const platform = stack.use(await openTestPlatform(application, { dataDir: folder.path, settings: { inferenceName: "triton" } }));
  const owned = stack.move();
  return { http: new URL(platform.url).host, grpc: platform.grpcUrl, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

test("flows of tritonclient", { timeout: 900_000 }, async (context) => {
  const opened = await openPython(PACKAGES);
  if ("obstacle" in opened) return context.skip(opened.obstacle);
  await using server = await openTriton();
  const script = fileURLToPath(new URL("triton_flows.py", import.meta.url));
  const { stdout } = await opened.python.run([script, "--http", server.http, "--grpc", server.grpc, "--name", "triton"]);
  const flows = stdout.trim().split("\n").map((line) => JSON.parse(line) as Told);
  assert.ok(flows.length >= 30, stdout);
  for (const { flow, passed, error } of flows) await context.test(flow, () => assert.ok(passed, error));
});

/** Those that need neither shared memory, CUDA, pictures nor a model with several answers to one request. */
const EXAMPLES = [
  "simple_http_health_metadata", "simple_http_infer_client", "simple_http_async_infer_client", "simple_http_aio_infer_client", "simple_http_string_infer_client", "simple_http_sequence_sync_infer_client", "simple_http_model_control",
  "simple_grpc_health_metadata", "simple_grpc_infer_client", "simple_grpc_async_infer_client", "simple_grpc_aio_infer_client", "simple_grpc_string_infer_client", "simple_grpc_sequence_sync_infer_client",
  "simple_grpc_sequence_stream_infer_client", "simple_grpc_aio_sequence_stream_infer_client", "simple_grpc_custom_args_client", "simple_grpc_keepalive_client", "grpc_client", "grpc_explicit_byte_content_client",
  "grpc_explicit_int8_content_client", "grpc_explicit_int_content_client", "simple_grpc_model_control",
];

/**
 * Its last steps want INTERNAL and Triton's words for a file name that is too long, beside a remark that INVALID_ARGUMENT
 * would be right. That is what we answer; everything before must pass.
 */
const DIFFERS = { script: "simple_grpc_model_control", where: /expected status 'StatusCode\.INTERNAL' for oversized file parameter, got status='StatusCode\.INVALID_ARGUMENT'/ };

test("example scripts of tritonclient", { timeout: 900_000 }, async (context) => {
  const folder = process.env["TRITON_EXAMPLES"];
  if (folder === undefined) return context.skip("TRITON_EXAMPLES names no folder with the client's example scripts");
  const opened = await openPython(PACKAGES);
  if ("obstacle" in opened) return context.skip(opened.obstacle);
  for (const name of EXAMPLES) {
    await context.test(name, async () => {
      const script = join(folder, `${name}.py`);
      assert.ok(existsSync(script), `${script} is not there`);
      await using server = await openTriton(name === "simple_grpc_model_control" ? eightModels : sevenModels); // a fresh one: control scripts leave "simple" unloaded
      const running = opened.python.run([script, "-u", name.includes("grpc") ? server.grpc : server.http], { timeoutMs: 60_000 });
      if (name === DIFFERS.script) return await assert.rejects(running, { stdout: DIFFERS.where });
      const output = await running;
      assert.doesNotMatch(output.stdout + output.stderr, /FAIL|Traceback|StatusCode/);
      if (/int8|model_control|sequence/.test(name)) assert.match(output.stdout, /PASS/);
    });
  }
});
