import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StrataError } from "../../kernel/errors.ts";
import type { IngestResult } from "./ingest-result.ts";
import { lines, openIngestionKit, order } from "../../../test/bad-input/ingestion-kit.ts";
import type { IngestionKit } from "../../../test/bad-input/ingestion-kit.ts";

const NDJSON = { format: "ndjson" } as const;

interface Request {
  /** 0 stands for an event without an id, -1 for one that is refused. */
  readonly ids: readonly number[];
  /** Turns of the event loop that its first append is held back. */
  readonly heldTurns: number;
  readonly fails: boolean;
}

const request: fc.Arbitrary<Request> = fc.record({
  ids: fc.array(fc.integer({ min: -1, max: 6 }), { minLength: 1, maxLength: 5 }), heldTurns: fc.integer({ min: 0, max: 3 }),
  fails: fc.nat(3).map((draw) => draw === 0),
});

const rowOf = (id: number): string => (id === -1 ? "{}" : id === 0 ? order() : order({ id: `event-${id}` }));
const ownIds = ({ ids }: Request): readonly string[] => ids.filter((id) => id > 0).map((id) => `event-${id}`);

/** Sends all requests at once; each append waits its turns and may fail. */
async function sendAll(kit: IngestionKit, requests: readonly Request[]): Promise<readonly (IngestResult | undefined)[]> {
  const plans: Request[] = [];
  kit.beforeAppend = async () => {
    const plan = plans.shift();
    for (let turn = 0; turn < (plan?.heldTurns ?? 0); turn++) await new Promise(setImmediate);
    if (plan?.fails === true) throw new StrataError("LOG_WRITE_FAILED", { log: "orders", reason: "planned" });
  };
  return Promise.all(requests.map(async (sent) => {
    plans.push(sent);
    try {
      const result = await kit.ingestion.ingestText("orders", lines(...sent.ids.map(rowOf)), NDJSON);
      assert.ok(kit.log.statistics("orders").nextOffset >= result.nextOffset, "acknowledged before it was durable");
      return result;
    } catch (thrown) {
      assert.equal((thrown as StrataError).code, "LOG_WRITE_FAILED");
      return undefined;
    }
  }));
}

test("whatever the interleaving and the failures: each id is stored at most once, acknowledged means stored, all is counted", async () => {
  await fc.assert(fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 8 }), async (requests) => {
    await using kit = await openIngestionKit();
    const results = await sendAll(kit, requests);
    const stored = await kit.records("orders");
    const offsets = new Map(stored.map(({ id, offset }) => [id, offset]));
    assert.equal(offsets.size, stored.length, "an id was stored twice");
    for (const [at, result] of results.entries()) {
      if (result === undefined) continue;
      for (const id of ownIds(requests[at]!)) assert.ok(offsets.get(id)! < result.nextOffset, `${id} was acknowledged but is not stored below nextOffset`);
      assert.equal(result.accepted + result.duplicates + result.rejected, requests[at]!.ids.length);
      assert.equal(result.rejected, requests[at]!.ids.filter((id) => id === -1).length);
    }
    assert.equal(results.reduce((sum, result) => sum + (result?.accepted ?? 0), 0), stored.length, "accepted and stored differ");
    const acknowledged = new Set(requests.flatMap((sent, at) => (results[at] === undefined ? [] : ownIds(sent))));
    assert.deepEqual(new Set(stored.map(({ id }) => id).filter((id) => id.startsWith("event-"))), acknowledged, "stored without anyone being told");
  }), { numRuns: 150 });
});

test("after a restart exactly the stored ids are duplicates", async () => {
  await fc.assert(fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 5 }), async (requests) => {
    await using kit = await openIngestionKit();
    await sendAll(kit, requests);
    const stored = new Set((await kit.records("orders")).map(({ id }) => id));
    await kit.crash();
    kit.beforeAppend = () => undefined;
    for (let id = 1; id <= 6; id++) {
      const { duplicates } = await kit.ingestion.ingestText("orders", lines(rowOf(id)), NDJSON);
      assert.equal(duplicates, stored.has(`event-${id}`) ? 1 : 0);
    }
  }), { numRuns: 50 });
});
