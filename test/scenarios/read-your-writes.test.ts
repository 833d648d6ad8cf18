/** Over HTTP: whoever has heard that an event was accepted sees it in every feature read from then on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import application from "./maintenance-app.ts";
import { openTestPlatform, send, temporaryFolder } from "./platform-kit.ts";

const CLIENTS = 4;
const WRITES = 50;
const SHARED = "shared";

interface FeatureAnswer {
  readonly features: readonly string[];
  readonly rows: readonly (readonly (number | null)[])[];
}

test(`${CLIENTS} clients, ${CLIENTS * WRITES} writes on own and shared keys: every acknowledged event is in the next read`, { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder();
  await using platform = await openTestPlatform(application, { dataDir: folder.path });
  const shared = { sent: 0, acknowledged: 0 };

  const client = async (name: string): Promise<void> => {
    for (let write = 1; write <= WRITES; write++) {
      const celsius = write + 0.25;
      shared.sent += 1;
      const accepted = await send(platform.url, {
        path: "/v1/streams/readings/events",
        body: [name, SHARED].map((machine) => ({ id: `${name}-${machine}-${write}`, machine, celsius, at: Date.now() })),
      });
      assert.equal(accepted.status, 202, accepted.text);
      shared.acknowledged += 1;
      const atLeast = shared.acknowledged;
      const read = await send(platform.url, { path: "/v1/features/heat", body: { keys: [{ machine: name }, { machine: SHARED }] } });
      assert.equal(read.status, 200, read.text);
      const { features, rows: [own, together] } = read.json as FeatureAnswer;
      assert.deepEqual(features, ["now", "mean_1h", "readings_1d"]);
      assert.deepEqual([own![0], own![2]], [celsius, write], `${name}'s own machine after its write ${write}`);
      const count = together![2]!;
      assert.ok(count >= atLeast && count <= shared.sent, `${count} shared readings; ${atLeast} were acknowledged before the read and ${shared.sent} sent in all`);
    }
  };

  const writing = new AbortController();
  const busy = noise(platform.url, writing.signal);
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(`machine-${number}`)));
  writing.abort();
  await busy;
  const read = await send(platform.url, { path: "/v1/features/heat", body: { keys: [{ machine: SHARED }] } });
  assert.equal((read.json as FeatureAnswer).rows[0]![2], CLIENTS * WRITES);
});

/** Other machines' readings in large requests, so that features have something to catch up with. */
async function noise(url: string, signal: AbortSignal): Promise<void> {
  for (let batch = 0; !signal.aborted; batch++) {
    const lines = Array.from({ length: 4_000 }, (_, at) => JSON.stringify({ id: `noise-${batch}-${at}`, machine: `noise-${at % 500}`, celsius: at, at: Date.now() }));
    const { status, text } = await send(url, { path: "/v1/streams/readings/events", headers: { "content-type": "application/x-ndjson" }, body: lines.join("\n") });
    assert.equal(status, 202, text);
  }
}

test("a repeated write is acknowledged again and counts once", async () => {
  await using folder = await temporaryFolder();
  await using platform = await openTestPlatform(application, { dataDir: folder.path });
  const event = { id: "once", machine: "m", celsius: 7, at: Date.now() };
  for (const known of [0, 1, 1]) {
    const answer = await send(platform.url, { path: "/v1/streams/readings/events", body: event });
    assert.deepEqual([answer.status, (answer.json as { readonly duplicates: number }).duplicates], [202, known]);
    const read = await send(platform.url, { path: "/v1/features/heat", body: { keys: [{ machine: "m" }] } });
    assert.equal((read.json as FeatureAnswer).rows[0]![2], 1);
  }
});
