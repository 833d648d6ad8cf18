/**
 * Other engines read what `strata lake export` writes: deltalake (the Delta Lake table), pyarrow (the folders by date) and
 * DuckDB's own release from PyPI count and sum what our SQL does. Skipped where Python or its packages cannot be had.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { defineApplication, defineStream } from "../../src/define/index.ts";
import { createManualClock } from "../../src/kernel/clock.ts";
import { loadConfig } from "../../src/platform/config.ts";
import { openPlatform } from "../../src/platform/platform.ts";
import { runStrata } from "../fake-strata-server.ts";
import { openPython } from "./python.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);
const purchases = defineStream("purchases", { schema: z.object({ customer: z.string(), price: z.number(), gift: z.boolean().optional(), at: z.string() }), time: "at", lateness: "60d" });

interface Facts {
  readonly rows: number;
  readonly sum: number;
  readonly gifts: number;
  readonly customers: number;
  readonly first: string;
  readonly offsets: number;
}

interface Readings {
  readonly deltalake: Facts;
  readonly pyarrow: Facts;
  readonly version: number;
  readonly firstVersionRows: number;
  readonly january2: number;
  readonly duckdb: { readonly rows: number; readonly sum: number; readonly dates: readonly string[] };
  readonly schema: Readonly<Record<string, string>>;
}

describe("engines that read an exported lake", { timeout: 900_000 }, () => {
  test("deltalake, pyarrow and duckdb count and sum what we do, also of the version before", async (context) => {
    const opened = await openPython(["deltalake==1.2.1", "pyarrow==21.0.0", "duckdb==1.4.1"]);
    if ("obstacle" in opened) return context.skip(opened.obstacle);
    const folder = await mkdtemp(join(tmpdir(), "strata-readers-"));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const { config } = loadConfig({ environment: {}, flags: { dataDir: join(folder, "data"), port: 0, listeners: 1, logLevel: "error" } });
    const platform = stack.use(await openPlatform({ definition: defineApplication("shop", [purchases]), config, clock: createManualClock(START_MS + 5 * DAY_MS), runsControlLoop: false }));
    const send = async (from: number, to: number): Promise<void> => {
      const lines = Array.from({ length: to - from }, (_, index) => from + index).map((row) =>
        JSON.stringify({ customer: `Zoë ${row % 7}`, price: row / 8, ...(row % 3 === 0 ? { gift: row % 2 === 0 } : {}), at: new Date(START_MS + row * (DAY_MS / 250)).toISOString() }));
      const answer = await fetch(`${platform.url}/v1/streams/purchases/events`, { method: "POST", headers: { "content-type": "application/x-ndjson" }, body: lines.join("\n") });
      assert.equal(answer.status, 202);
    };
    const strata = async (...words: string[]): Promise<unknown> => {
      const outcome = await runStrata([...words, "--json"], platform, { workingDirectory: folder });
      assert.equal(outcome.code, 0, outcome.host.errors());
      return outcome.host.json();
    };
    await send(0, 700);
    await strata("lake", "export", "exported");
    await send(700, 1_000);
    await strata("lake", "export", "exported");

    const { rows: [ours] } = await strata("sql", "select count(*) as rows, sum(price) as sum, count_if(gift) as gifts, count(distinct customer) as customers, sum(event_offset)::bigint as offsets from purchases") as { readonly rows: readonly Omit<Facts, "first">[] };
    const { stdout } = await opened.python.run([fileURLToPath(new URL("lake_readers.py", import.meta.url)), join(folder, "exported", "purchases")], { timeoutMs: 300_000 });
    const read = JSON.parse(stdout) as Readings;
    const expected = { ...ours!, first: "2026-01-01T00:00:00+00:00" };
    assert.deepEqual(read.deltalake, expected);
    assert.deepEqual(read.pyarrow, expected);
    assert.deepEqual(read.duckdb, { rows: 1_000, sum: ours!.sum, dates: ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"] });
    assert.deepEqual([read.version, read.firstVersionRows, read.january2], [1, 700, 250]);
    assert.equal(read.schema["date"], "PrimitiveType(\"date\")");
  });
});
