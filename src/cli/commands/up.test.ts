import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openTemporaryProject } from "../../../test/temporary-project.ts";
import { systemClock } from "../../kernel/clock.ts";
import { runCommandLine } from "../command-line.ts";
import { createRecordedHost, type RecordedHost } from "../recorded-host.ts";

const APP = "import { defineApplication, defineStream, z } from \"strata\";\nexport default defineApplication(\"shop\", [defineStream(\"clicks\", { schema: z.object({ id: z.string() }) })]);\n";

/** Waits until the text is there, at most 20 s. */
async function until(text: () => string, pattern: RegExp): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!pattern.test(text())) {
    if (performance.now() > deadlineMs) assert.fail(`${pattern.source} did not appear in\n${text()}`);
    await systemClock.sleep(20);
  }
}

function start(folder: string, ...words: readonly string[]): { readonly host: RecordedHost; readonly code: Promise<number> } {
  const host = createRecordedHost({ clock: systemClock, workingDirectory: folder });
  return { host, code: runCommandLine(["up", "--port", "0", ...words], host) };
}

test("it welcomes, applies edits as they are saved, refuses broken ones and stops cleanly", async () => {
  await using project = await openTemporaryProject({ "app.ts": APP });
  const { host, code } = start(project.folder);
  await until(host.output, /ready in/);
  assert.match(host.output(), /^╭─ shop runs ─[^]*│ console +http:\/\/127\.0\.0\.1:\d+\/ [^]*│ streams +clicks [^]*\n {2}curl http:\/\/127\.0\.0\.1:\d+\/v1\/streams\/clicks\/events -H 'content-type: application\/json' -d '\{"id":"id-1"\}'\n$/);
  await writeFile(join(project.folder, "app.ts"), APP.replace("schema:", "description: \"What was looked at.\", schema:"));
  await until(host.errors, /✓ applied 1 change: update streams\.clicks\n/);
  await writeFile(join(project.folder, "app.ts"), APP.replace("\"shop\"", "\"Shop\""));
  await until(host.errors, /! the edited definition was not applied; the running one stays\nerror DEFINITION_INVALID [^]*- application: "Shop" is not a name/);
  host.interrupt();
  assert.equal(await code, 0);
  assert.match(host.errors(), /stopped in [\d.]+m?s; everything acknowledged is on disk\n$/);
});

test("for a supervisor it is one line of JSON, and without watching edits wait", async () => {
  await using project = await openTemporaryProject({ "shop.ts": APP });
  const { host, code } = start(project.folder, "shop.ts", "--json", "--no-watch", "--data-dir", "data");
  await until(host.output, /\n$/);
  const running = JSON.parse(host.output()) as Readonly<Record<string, unknown>>;
  assert.deepEqual({ application: running["application"], dataDir: running["dataDir"], console: running["console"] }, {
    application: "shop", dataDir: join(project.folder, "data"), console: `${String(running["url"])}/`,
  });
  assert.match(String(running["definitionHash"]), /^[0-9a-f]{64}$/);
  const second = start(project.folder, "shop.ts", "--data-dir", "data");
  assert.equal(await second.code, 1);
  assert.match(second.host.errors(), /^error DATA_DIR_LOCKED The data folder .* is in use by process \d+\.\n/);
  host.interrupt();
  assert.equal(await code, 0);
  assert.equal(host.output().trimEnd().split("\n").length, 1);
});
