import assert from "node:assert/strict";
import { it } from "node:test";
import { isStrataError } from "../../kernel/errors.ts";
import { resolveParameters } from "./parameters.ts";
import { PHASE, setFixedPoint } from "./phases.ts";
import { openThreadTeam } from "./thread-team.ts";
import { createWorkspace, type Workspace } from "./workspace.ts";

const workspaceOf = (rows: number): Workspace => createWorkspace({
  parameters: resolveParameters({ objective: "regression", leaves: 2 }, false), rows, features: 1, slots: 4, stride: 8, hasWeight: false, blocks: 1,
});

it("every member does its share, phase after phase", async () => {
  const workspace = workspaceOf(1000);
  await using team = await openThreadTeam(workspace, 3);
  setFixedPoint(workspace, { gradientScale: 2, hessianScale: 1, countUnit: 16 });
  for (let round = 1; round <= 50; round++) {
    workspace.pairs.fill(round);
    await team.run(PHASE.quantise);
    for (let row = 0; row < 1000; row++) assert.deepEqual([workspace.pairs[2 * row], workspace.pairs[2 * row + 1]], [2 * round, round + 16]);
  }
});

it("a step that fails on a worker fails the run instead of hanging it", async () => {
  const workspace = workspaceOf(64);
  await using team = await openThreadTeam(workspace, 2);
  workspace.arguments.set([0, 64, 1, 1, 99, 0, 0, 1, -1]); // no histogram has number 99
  await assert.rejects(async () => { await team.run(PHASE.histogram); }, (thrown) => thrown instanceof TypeError || isStrataError(thrown));
});
