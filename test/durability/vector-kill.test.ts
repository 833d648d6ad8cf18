/** kill -9 while points are written, deleted, linked and checkpointed: what was acknowledged is there, what was deleted is not. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createRandom } from "../../src/kernel/random.ts";
import { openVectors, vectorOf } from "./vector-writer.ts";

const ROUNDS = 8;

interface Told {
  readonly ids: readonly number[];
  /** null: deleted. */
  readonly round: number | null;
}

/** Writes until it is killed; gives what it was told is durable, in order. */
async function writeAndKill(folder: string, round: number, afterMs: number): Promise<readonly Told[]> {
  const child = spawn(process.execPath, ["--conditions=source", fileURLToPath(new URL("vector-writer.ts", import.meta.url)), "write", folder, String(round)], { stdio: ["ignore", "pipe", "inherit"] });
  const told: Told[] = [];
  let timer: NodeJS.Timeout | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    timer ??= setTimeout(() => child.kill("SIGKILL"), afterMs);
    if (line.endsWith("}")) told.push(JSON.parse(line) as Told); // the last one may be cut
  }
  return told;
}

test(`${ROUNDS} kills lose nothing that was acknowledged and bring nothing back`, { timeout: 240_000 }, async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "strata-vector-kill-"));
  try {
    const random = createRandom("kills");
    const model = new Map<number, number | null>();
    let acknowledged = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      const told = await writeAndKill(folder, round, 150 + random.integer(700));
      for (const { ids, round: at } of told) for (const id of ids) model.set(id, at);
      acknowledged += told.length;
      await using opened = await openVectors(folder);
      const { points } = opened.indexes.index("points");
      /** The one operation that was on its way when the kill came may have happened, too. */
      let differing = 0;
      for (const [id, at] of model) {
        const slot = points.slotOf(id);
        const found = slot === undefined ? null : points.payload(slot)["round"] as number;
        if (found !== at) {
          assert.ok(found === round || found === null, `round ${round}: point ${id} went back to round ${found}`);
          differing++;
          model.set(id, found);
        }
        if (found === null) continue;
        const hits = opened.indexes.query("points", { query: { kind: "nearest", vector: [...vectorOf(id, found)] }, limit: 1 }).hits;
        assert.equal(points.id(hits[0]!.slot), id, `round ${round}: point ${id} has another vector`);
      }
      assert.ok(differing <= 5, `round ${round}: ${differing} points are not what was acknowledged`);
    }
    context.diagnostic(`${acknowledged} acknowledged operations over ${ROUNDS} kills`);
    assert.ok(acknowledged > ROUNDS * 10);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
