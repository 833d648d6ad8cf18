import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, runStrata } from "../../../test/fake-strata-server.ts";
import { runCommandLine } from "../command-line.ts";
import { createRecordedHost } from "../recorded-host.ts";
import { createPalette, plainPalette } from "../terminal/color.ts";
import { systemClock } from "../../kernel/clock.ts";
import type { LogLine } from "../../platform/api.ts";
import { renderLogLine } from "./log-text.ts";

const line = (sequence: number): LogLine => ({ sequence, timeMs: sequence * 1000, level: sequence === 2 ? "warn" : "info", message: `line ${sequence}`, fields: sequence === 2 ? { stream: "clicks", lag: 3 } : {} });

test("lines are shown with time, level and fields", async () => {
  await using server = await openFakeServer(() => ({ body: { lines: [line(1), line(2)] } }));
  const { code, host } = await runStrata(["logs", "--level", "debug", "--limit", "2"], server);
  assert.equal(code, 0);
  assert.deepEqual(server.requests[0]?.query, { level: "debug", limit: "2" });
  assert.equal(host.output(), "1970-01-01 00:00:01.000Z info  line 1\n1970-01-01 00:00:02.000Z warn  line 2  stream=clicks lag=3\n");
});

test("following asks for what came after the last line, until it is interrupted", async () => {
  let asked = 0;
  const host = createRecordedHost({ clock: { ...systemClock, sleep: async () => undefined } });
  await using server = await openFakeServer(() => {
    asked++;
    if (asked === 4) host.interrupt();
    return { body: { lines: asked === 2 ? [] : [line(asked)] } };
  });
  const code = await runCommandLine(["logs", "-f", "--json", "--url", server.url], host);
  assert.equal(code, 0);
  assert.deepEqual(server.requests.map(({ query }) => [query["after"], query["limit"]]), [[undefined, "100"], ["1", "1000"], ["1", "1000"], ["3", "1000"]]);
  assert.deepEqual(host.output().trimEnd().split("\n").map((text) => (JSON.parse(text) as LogLine).sequence), [1, 3]);
});

test("a line from outside cannot forge another, and levels have colours", () => {
  assert.equal(renderLogLine({ ...line(1), message: "one\ntwo\u001B[2J", fields: { name: "a\nb" } }, plainPalette), "1970-01-01 00:00:01.000Z info  one two  name=a b");
  assert.ok(renderLogLine(line(2), createPalette(true)).includes("\u001B[33mwarn \u001B[39m"));
});
