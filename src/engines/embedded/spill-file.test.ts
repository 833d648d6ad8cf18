/** Spill files that a disk has changed under the store: every entry is right or refused, also after the living ones have moved. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isStrataError } from "../../kernel/errors.ts";
import { createRandom } from "../../kernel/random.ts";
import { openSpillFolder } from "./spill-file.ts";

for (const kind of ["bit", "cut"] as const) {
  test(`an entry is read as it was put or refused: ${kind}`, async (context) => {
    const folder = await mkdtemp(join(tmpdir(), "strata-spill-"));
    context.after(() => rm(folder, { recursive: true, force: true }));
    const random = createRandom(kind);
    for (let round = 0; round < 10; round++) {
      const store = openSpillFolder(folder).open("view");
      const entries = Array.from({ length: 300 }, () => Buffer.from(Array.from({ length: 500 }, () => random.integer(256))).toString("base64").repeat(1 + random.integer(20)));
      const kept = entries.map((text) => store.put(Buffer.from(text)));
      const path = join(folder, readdirSync(folder)[0]!);
      const bytes = readFileSync(path);
      assert.ok(bytes.length > 500_000);
      const at = random.integer(bytes.length);
      bytes[at]! ^= 1 << random.integer(8);
      if (kind === "bit") writeFileSync(path, bytes); // the same file, whose bytes are others now
      else truncateSync(path, at);
      let refused = 0;
      for (const [index, each] of kept.entries()) {
        try {
          assert.equal(Buffer.from(store.read(each)).toString(), entries[index]);
        } catch (thrown) {
          if (!isStrataError(thrown) || thrown.code !== "SPILL_DAMAGED") throw thrown;
          refused++;
        }
      }
      assert.ok(kind === "bit" ? refused === 1 : refused >= 1, `${refused} refused`);
      store.close();
    }
  });
}

test("what is damaged stays damaged when the living entries move to a new file", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "strata-spill-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const store = openSpillFolder(folder).open("view");
  const hurt = store.put(Buffer.alloc(700_000, 1));
  const whole = store.put(Buffer.alloc(700_000, 2));
  const [name] = readdirSync(folder);
  const bytes = readFileSync(join(folder, name!));
  bytes[9]! ^= 1;
  writeFileSync(join(folder, name!), bytes);
  for (let put = 0; put < 40; put++) store.drop(store.put(Buffer.alloc(900_000)));
  assert.notEqual(readdirSync(folder)[0], name, "it was compacted");
  assert.throws(() => store.read(hurt), { code: "SPILL_DAMAGED" });
  assert.equal(store.read(whole)[5], 2);
  store.close();
});
