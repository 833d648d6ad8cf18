import assert from "node:assert/strict";
import { test } from "node:test";
import { plainPalette } from "../terminal/color.ts";
import { describeRunning, renderWelcome } from "./welcome.ts";

const nothing = { featureViews: {}, featureServices: {}, expectations: {}, vectorIndexes: {}, candidates: {}, onDemand: {}, models: {}, servedModels: {}, graphs: {}, upstreams: {}, languageModels: {} };
const started = { url: "http://127.0.0.1:4180", startedMs: 287, dataDir: "/shop/.strata", nowMs: 0 };

test("the welcome says where everything is, with commands to copy", () => {
  const running = describeRunning({ ...started, definition: { hash: "h", document: { name: "shop", resources: {
    ...nothing, models: { eta: {} },
    streams: { clicks: { schema: { required: ["customer", "at"], properties: { customer: { type: "string", enum: ["O'Neill"] }, at: { type: "string", format: "date-time" } } } }, purchases: {} },
    endpoints: { eta: { request: { required: ["courier"], properties: { courier: { type: "string" } } } } },
  } } } });
  assert.equal(renderWelcome(running, { palette: plainPalette, width: undefined }), [
    "╭─ shop runs ───────────────────────╮",
    "│ console    http://127.0.0.1:4180/ │",
    "│ data       /shop/.strata          │",
    "│ streams    clicks, purchases      │",
    "│ models     eta                    │",
    "│ endpoints  eta                    │",
    "│ stop       Ctrl-C                 │",
    "╰───────────────────────────────────╯",
    "ready in 287ms; try in another terminal:",
    "  curl http://127.0.0.1:4180/v1/streams/clicks/events -H 'content-type: application/json' -d '{\"customer\":\"O'\\''Neill\",\"at\":\"1970-01-01T00:00:00.000Z\"}'",
    "  curl http://127.0.0.1:4180/v1/endpoints/eta -H 'content-type: application/json' -d '{\"courier\":\"courier-1\"}'",
  ].join("\n"));
});

test("an application without anything to try has nothing to copy", () => {
  const running = describeRunning({ ...started, definition: { hash: "h", document: { name: "empty", resources: { ...nothing, streams: {}, endpoints: {} } } } });
  assert.match(renderWelcome(running, { palette: plainPalette, width: undefined }), /resources {2}none[^]*\nready in 287ms$/);
});

test("what is served and the gateway have their lines and commands", () => {
  const running = describeRunning({ ...started, definition: { hash: "h", document: { name: "desk", resources: { ...nothing, streams: {}, endpoints: {}, servedModels: { tone: {} }, graphs: { triage: {} }, languageModels: { assistant: {} } } } } });
  const text = renderWelcome(running, { palette: plainPalette, width: undefined });
  assert.match(text, /served {4}tone, triage/);
  assert.match(text, /language {2}assistant/);
  assert.deepEqual(running.examples, [
    "curl http://127.0.0.1:4180/v2/models/triage",
    `curl http://127.0.0.1:4180/v1/chat/completions -H 'content-type: application/json' -d '{"model":"assistant","messages":[{"role":"user","content":"Hello"}]}'`,
  ]);
});
