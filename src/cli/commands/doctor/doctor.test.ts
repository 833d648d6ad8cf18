import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openFakeServer, runStrata } from "../../../../test/fake-strata-server.ts";
import { openTemporaryProject } from "../../../../test/temporary-project.ts";
import { createManualClock } from "../../../kernel/clock.ts";
import { createTerminal } from "../../terminal/terminal.ts";
import { createRecordedHost } from "../../recorded-host.ts";
import { strataVersion } from "../../../platform/version.ts";
import type { Check } from "./check.ts";
import { renderDiagnosis, type Diagnosis } from "./doctor.ts";
import { checkNode } from "./project-checks.ts";

const APP = "import { defineApplication, defineStream, z } from \"strata\";\nexport default defineApplication(\"shop\", [defineStream(\"clicks\", { schema: z.object({ id: z.string() }) })]);\n";

async function diagnose(folder: string, words: readonly string[] = [], environment: Readonly<Record<string, string>> = {}): Promise<{ readonly code: number; readonly checks: Readonly<Record<string, Check>> }> {
  const { code, host } = await runStrata(["doctor", "--json", ...words], undefined, { workingDirectory: folder, environment });
  const { checks, healthy } = host.json() as Diagnosis;
  assert.equal(healthy, code === 0);
  return { code, checks: Object.fromEntries(checks.map((check) => [check.name, check])) };
}

test("a sound project is ready, and no trace is left behind", async () => {
  await using place = await openTemporaryProject({ "app.ts": APP });
  const { code, checks } = await diagnose(place.folder, ["--port", "0"]);
  assert.equal(code, 0);
  assert.deepEqual(Object.fromEntries(Object.entries(checks).map(([name, { status }]) => [name, status])), {
    "Node.js": "ok", "configuration": "ok", "ONNX runtime": "ok", "definition": "ok", "data folder": "ok", "disk space": "ok", "stored data": "skipped", "server": "ok", "evidence": "skipped",
  });
  assert.equal(checks["definition"]?.detail, "shop in app.ts: 1 stream, 0 feature views, 0 models, 0 endpoints");
  assert.equal(checks["configuration"]?.detail, "defaults and port (--port)");
  assert.match(checks["data folder"]?.detail ?? "", /\.strata can be made; a durable write takes [\d.]+ms \(median of 20\)$/);
  assert.deepEqual((await readdir(place.folder)).toSorted(), ["app.ts", "node_modules"]);
});

test("a server that runs is asked for its version and its evidence", async () => {
  await using place = await openTemporaryProject({ "app.ts": APP });
  await using server = await openFakeServer((line) => {
    if (line === "GET /v1") return { body: { version: strataVersion() } };
    if (line === "GET /v1/models") return { body: { models: [{ model: "ranker" }, { model: "eta" }] } };
    return line.endsWith("/evidence") ? { body: { records: [1, 2], check: line.includes("eta") ? { ok: false, reason: "Record 2 of \"eta\" does not hold." } : { ok: true } } } : undefined;
  });
  const { code, checks } = await diagnose(place.folder, ["--url", server.url]);
  assert.equal(code, 1);
  assert.deepEqual(checks["server"], { name: "server", status: "ok", detail: `Strata ${strataVersion()} answers at ${server.url}` });
  assert.equal(checks["evidence"]?.status, "failed");
  assert.equal(checks["evidence"]?.detail, "Record 2 of \"eta\" does not hold.");
});

test("another version is a remark", async () => {
  await using place = await openTemporaryProject({ "app.ts": APP });
  await using server = await openFakeServer((line) => ({ body: line === "GET /v1" ? { version: "9.9.9" } : { models: [] } }));
  const { code, checks } = await diagnose(place.folder, [], { STRATA_URL: server.url });
  assert.equal(code, 0);
  assert.equal(checks["server"]?.status, "warning");
  assert.equal(checks["server"]?.detail, `Strata 9.9.9 answers at ${server.url}; this is ${strataVersion()}`);
});

test("a port that another program has is a failure with a way out", async () => {
  await using place = await openTemporaryProject({ "app.ts": APP });
  const other = createServer((socket) => socket.end("HELLO\n"));
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = other.address() as AddressInfo;
    const { code, checks } = await diagnose(place.folder, ["--port", String(port)]);
    assert.equal(code, 1);
    assert.match(checks["server"]?.detail ?? "", new RegExp(`^port ${port} on 127\\.0\\.0\\.1 is taken by another program`));
    assert.equal(checks["server"]?.next, "Stop that program, or choose a port with --port or STRATA_PORT.");
  } finally {
    other.close();
  }
});

test("what is wrong with the project is found together, each with what to do", async () => {
  await using place = await openTemporaryProject({ "app.ts": "export default 5;\n" });
  const { code, checks } = await diagnose(place.folder, ["--port", "0", "--data-dir", "/proc/strata"]);
  assert.equal(code, 1);
  assert.match(checks["definition"]?.detail ?? "", /app\.ts could not be loaded: its default export is not an application/);
  assert.equal(checks["data folder"]?.status, "failed");
  assert.match(checks["data folder"]?.next ?? "", /choose another folder with --data-dir/);
  assert.equal((await diagnose(place.folder, ["missing.ts", "--port", "0"])).checks["definition"]?.next, "Write one with `strata init`, or name it: `strata doctor path/to/app.ts`.");
});

test("with an invalid configuration only what does not depend on it is checked", async () => {
  await using place = await openTemporaryProject({ "strata.json": "{\"prot\": 1}" });
  const { code, checks } = await diagnose(place.folder);
  assert.equal(code, 1);
  assert.deepEqual(Object.keys(checks), ["Node.js", "configuration", "ONNX runtime"]);
  assert.match(checks["configuration"]?.detail ?? "", /The configuration has 1 problem\(s\): prot: unknown setting from .*strata\.json/);
});

test("an old Node.js fails", () => {
  assert.equal(checkNode("20.1.0").status, "failed");
  assert.deepEqual(checkNode("24.0.0"), { name: "Node.js", status: "ok", detail: "24.0.0" });
});

test("the report is one line per check, and what to do below it", () => {
  const host = createRecordedHost({ clock: createManualClock() });
  renderDiagnosis({ healthy: false, checks: [
    { name: "Node.js", status: "ok", detail: "24.0.0" }, { name: "disk space", status: "warning", detail: "1 GiB of 2 GiB free", next: "Free some space." },
    { name: "server", status: "failed", detail: "port 1 is taken", next: "Choose another." }, { name: "evidence", status: "skipped", detail: "no server runs" },
  ] }, { terminal: createTerminal({ ...host, json: false }) });
  assert.equal(host.output(), [
    "✓ Node.js     24.0.0",
    "! disk space  1 GiB of 2 GiB free",
    "              next: Free some space.",
    "✗ server      port 1 is taken",
    "              next: Choose another.",
    "– evidence    no server runs",
    "",
    "1 check failed.",
    "",
  ].join("\n"));
});

test("the data folder's own temporary folder is as good as any", async () => {
  const folder = await mkdtemp(join(tmpdir(), "strata-doctor-"));
  try {
    const { checks } = await diagnose(folder, ["--port", "0", "--data-dir", folder]);
    assert.match(checks["data folder"]?.detail ?? "", new RegExp(`^${folder} is writable`));
    assert.equal(checks["stored data"]?.detail, "there is none yet");
  } finally {
    await rm(folder, { recursive: true });
  }
});
