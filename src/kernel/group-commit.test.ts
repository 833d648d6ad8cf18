import assert from "node:assert/strict";
import { test } from "node:test";
import { createGroupCommit } from "./group-commit.ts";

function recorder(outcomes: (Promise<void> | undefined)[] = []) {
  const groups: (readonly number[])[] = [];
  const commits = createGroupCommit<number>({
    write: async (items) => {
      groups.push(items);
      await outcomes.shift();
    },
    weigh: (item) => item,
    maxWeight: 10,
  });
  return { groups, commits };
}

test("what is added in one turn shares a group; what comes during a write shares the next", async () => {
  const first = Promise.withResolvers<void>();
  const { groups, commits } = recorder([first.promise]);
  const done = [commits.add(1), commits.add(2)];
  await new Promise((resolve) => setImmediate(resolve));
  done.push(commits.add(3), commits.add(4));
  first.resolve();
  await Promise.all(done);
  assert.deepEqual(groups, [[1, 2], [3, 4]]);
});

test("a group ends where it would become too heavy; a heavier item goes alone", async () => {
  const { groups, commits } = recorder();
  await Promise.all([4, 6, 1, 50, 9, 1, 1].map((item) => commits.add(item)));
  assert.deepEqual(groups, [[4, 6], [1], [50], [9, 1], [1]]);
});

test("a failed write rejects its group and no other, and drain waits for all", async () => {
  const { groups, commits } = recorder([Promise.reject(new Error("disk")), undefined]);
  const outcomes = Promise.allSettled([9, 9, 9].map((item) => commits.add(item)));
  await commits.drain();
  assert.equal(groups.length, 3);
  assert.deepEqual((await outcomes).map((outcome) => outcome.status), ["rejected", "fulfilled", "fulfilled"]);
  await commits.drain();
});
