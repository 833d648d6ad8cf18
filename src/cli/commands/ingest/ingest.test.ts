import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { openFakeServer, runStrata, type FakeAnswer } from "../../../../test/fake-strata-server.ts";
import { createManualClock } from "../../../kernel/clock.ts";
import type { Problem } from "../../../kernel/errors.ts";
import type { IngestReport } from "./ingest.ts";

const definition = {
  hash: "h",
  document: { name: "shop", resources: { streams: { clicks: { schema: { type: "object", properties: { id: { type: "string" }, price: { type: "number" } }, required: ["price"] } } }, endpoints: {} } },
};
const NO_PRICE: readonly Problem[] = [{ path: "price", message: "missing price", code: "missing price" }];

/** Accepts events with a price, refuses the others, like the server does. */
function ingestLikeServer(text: string): FakeAnswer {
  const events = text.trimEnd().split("\n").map((line) => JSON.parse(line) as { price?: unknown });
  const rows = events.flatMap(({ price }, index) => (typeof price === "number" ? [] : [{ index, status: "dead-letter", deadLetterId: String(index), problems: NO_PRICE }]));
  const result = { accepted: events.length - rows.length, duplicates: 0, rejected: rows.length, nextOffset: 1, ...(rows.length > 0 ? { rows } : {}) };
  if (result.accepted > 0) return { status: 202, body: result };
  return { status: 400, body: { error: { code: "EVENT_INVALID", message: "refused" }, ...result } };
}

async function ingest(words: readonly string[], files: Readonly<Record<string, string | Uint8Array>>) {
  const folder = await mkdtemp(join(tmpdir(), "strata-ingest-"));
  await using server = await openFakeServer((line, { text }) => {
    if (line === "GET /v1/definition") return { body: definition };
    return line === "POST /v1/streams/clicks/events" ? ingestLikeServer(text) : undefined;
  });
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    const { code, host } = await runStrata(["ingest", ...words], server, { workingDirectory: folder, clock: createManualClock() });
    return { code, host, requests: server.requests.slice(1) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

const fourEvents = "{\"price\":1}\n{\"price\":2}\n\n{\"id\":\"x\"}\n{\"price\":3}\n";

test("the summary says what became of the events, and where those refused stand", async () => {
  const { code, host, requests } = await ingest(["clicks", "events.ndjson", "--batch", "2"], { "events.ndjson": fourEvents });
  assert.equal(code, 0);
  assert.equal(requests.length, 2);
  assert.equal(host.output(), [
    "4 events sent to clicks in 0ms",
    "accepted      3",
    "duplicates    0",
    "dead letters  1",
    "",
    `missing price  ${"█".repeat(80 - "missing price".length - 1 - 4)}  1`,
    "",
    "  line 4  price: missing price",
    "",
  ].join("\n"));
  assert.match(host.errors(), /next: `strata ingest dead-letters clicks` lists them with their events\n$/);
});

test("with --json the report is data", async () => {
  const { host } = await ingest(["clicks", "events.ndjson", "--json"], { "events.ndjson": fourEvents });
  assert.deepEqual(host.json(), {
    stream: "clicks", file: "events.ndjson", format: "ndjson", events: 4, accepted: 3, duplicates: 0, deadLetters: 1, elapsedMs: 0,
    reasons: { "missing price": 1 }, examples: [{ place: "line 4", problems: NO_PRICE }],
  } satisfies IngestReport);
});

test("CSV, JSON and compressed files become the same events", async () => {
  const files = {
    "a.csv": "id,price\n007,1.5\n,2\n", "b.json": "[\n  {\n    \"id\": \"007\",\n    \"price\": 1.5\n  },\n  {\"price\":2}\n]", "c.ndjson.gz": gzipSync("{\"id\":\"007\",\"price\":1.5}\n{\"price\":2}"),
  };
  for (const name of Object.keys(files)) {
    const { code, requests } = await ingest(["clicks", name], files);
    assert.equal(code, 0);
    assert.deepEqual(requests[0]?.text.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown), [{ id: "007", price: 1.5 }, { price: 2 }], name);
  }
});

test("stdin is read when no file is named", async () => {
  await using server = await openFakeServer((line, { text }) => (line === "GET /v1/definition" ? { body: definition } : ingestLikeServer(text)));
  const stdin = (async function* () { yield "id;price\n1;5\n"; })();
  const { code } = await runStrata(["ingest", "clicks", "--backfill"], server, { stdin });
  assert.equal(code, 0);
  assert.equal(server.requests[1]?.text, "{\"id\":\"1\",\"price\":5}\n");
  assert.equal(server.requests[1]?.query["backfill"], "true");
});

test("an unchanged file is sent with the same keys, unless others are asked for", async () => {
  await using server = await openFakeServer((line, { text }) => (line === "GET /v1/definition" ? { body: definition } : ingestLikeServer(text)));
  const folder = await mkdtemp(join(tmpdir(), "strata-ingest-"));
  try {
    await writeFile(join(folder, "e.ndjson"), "{\"price\":1}\n{\"price\":2}");
    const keys = async (...words: readonly string[]): Promise<readonly unknown[]> => {
      const before = server.requests.length;
      await runStrata(["ingest", "clicks", "e.ndjson", ...words], server, { workingDirectory: folder });
      return server.requests.slice(before + 1).map(({ headers }) => headers["idempotency-key"]);
    };
    const first = await keys();
    assert.deepEqual(await keys(), first);
    assert.notDeepEqual(await keys("--batch", "1"), first, "other batches would give other events the same key");
    assert.deepEqual(await keys("--idempotency-key", "mine"), ["mine-0"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("when everything was refused the status is 1", async () => {
  const { code, host } = await ingest(["clicks", "e.ndjson", "--json"], { "e.ndjson": "{}\n{}\n" });
  assert.equal(code, 1);
  assert.equal((host.json() as IngestReport).deadLetters, 2);
});

test("a broken file says how far it came, and that sending it again is safe", async () => {
  const { code, host } = await ingest(["clicks", "e.csv", "--batch", "1"], { "e.csv": `id,price\n${"1,2\n".repeat(600)}3\n` });
  assert.equal(code, 1);
  assert.match(host.errors(), /! stopped after 500 events accepted, 0 duplicates, 0 dead letters; sent again, the same file adds only what is missing\n/);
  assert.match(host.errors(), /error FILE_INVALID e\.csv is not a valid CSV file: line 602 has 1 cells, unlike the header\n/);
});

test("a file without events is an error", async () => {
  const { code, host } = await ingest(["clicks", "e.json"], { "e.json": "[]" });
  assert.equal(code, 1);
  assert.match(host.errors(), /error FILE_INVALID e\.json is not a valid JSON file: it holds no event\n/);
});

test("an unknown stream is refused before the file is read", async () => {
  const { code, host, requests } = await ingest(["clikcs", "nowhere.csv"], {});
  assert.equal(code, 1);
  assert.equal(requests.length, 0);
  assert.match(host.errors(), /error STREAM_NOT_FOUND There is no stream named "clikcs"\.\nnext: Known streams: clicks\.\n/);
});
