import assert from "node:assert/strict";
import { test } from "node:test";
import type { Stream } from "../../define/index.ts";
import { clicks, openPlace } from "../lake/lake-place.test.ts";
import type { DecodedBatch } from "../streams/decoded-batch.ts";
import { createStreamHistory } from "./stream-history.ts";
import type { HistoryRange, StreamHistory } from "./stream-history.ts";

const stream: Stream = { ...(clicks as Stream), storage: { warmAfterMs: 1, coldAfterMs: 1 } };

async function readAll(history: StreamHistory, range: Omit<HistoryRange, "fields">): Promise<readonly DecodedBatch[]> {
  const batches: DecodedBatch[] = [];
  for await (const batch of history.read(stream, { ...range, fields: ["n", "who", "fresh", "tags", "unknown"] })) batches.push(batch);
  return batches;
}

test("events come back piece by piece over files of every tier, as the stream's fields have them", async () => {
  await using place = await openPlace({ rowsPerFile: 10, maxSmallFiles: 3, rowsPerCompactedFile: 40 });
  place.streams = new Map([["clicks", stream]]);
  const rows = Array.from({ length: 100 }, (_, at) => ({ who: `user ${at}`, ...(at % 3 === 0 ? {} : { n: at / 3 }), ...(at % 2 === 0 ? {} : { fresh: at % 4 === 1 }), ...(at % 5 === 0 ? { tags: ["a", "é"] } : {}) }));
  await using lake = await place.openLake();
  const history = createStreamHistory({ lake, rowsPerRead: 7 });
  assert.equal(history.oldestOffset("clicks", 50), 50);
  await place.append("clicks", rows);
  await lake.flush();
  const expected = rows.map(({ who, n, fresh, tags }, at) => ({ offset: at, timeMs: at * 1_000, knownAtMs: at * 1_000 + 1, row: { n, who, fresh, tags: tags && JSON.stringify(tags) } }));
  const check = async (fromOffset: number, toOffset: number): Promise<void> => {
    const found = (await readAll(history, { fromOffset, toOffset })).flatMap(({ baseOffset, rows: read, timesMs, knownAtMs }) =>
      read.map((row, at) => ({ offset: baseOffset + at, timeMs: timesMs[at], knownAtMs: knownAtMs[at], row: { ...row } })));
    assert.deepEqual(found, expected.slice(fromOffset, toOffset));
  };
  await check(0, 100);
  await check(13, 58);
  await check(41, 42);
  place.clock.advance(1_000_000);
  await lake.applyPolicies();
  assert.ok((await lake.storage())[0]!.tiers.cold.files > 0);
  await check(3, 97);
  assert.equal(history.oldestOffset("clicks", 50), 0);
  assert.equal(history.oldestOffset("clicks", 101), 101);
  await assert.rejects(readAll(history, { fromOffset: 90, toOffset: 101 }), { code: "LAKE_QUERY_FAILED", message: /from offset 100 on/ });
});
