/** One boosting iteration: choose rows and columns, compute gradients, grow one tree per output, move the scores. */
import type { Random } from "../../kernel/random.ts";
import { chooseFixedPoint, type FixedPoint } from "./fixed-point.ts";
import { addScoresByBins, type GrownTree } from "./grown-tree.ts";
import { QUANTUM_CELLS, type Pacer } from "./pacer.ts";
import type { ResolvedParameters } from "./parameters.ts";
import { PHASE, setFixedPoint, setGradients } from "./phases.ts";
import { sampleColumns, sampleRows } from "./row-sampling.ts";
import type { ThreadTeam } from "./thread-team.ts";
import type { Training } from "./training-setup.ts";
import { growTree } from "./tree-growth.ts";
import type { Workspace } from "./workspace.ts";

export interface IterationContext {
  readonly training: Training;
  readonly parameters: ResolvedParameters;
  readonly team: ThreadTeam;
  readonly threads: number;
  readonly pacer: Pacer;
  readonly random: Random;
}

/** Returns a function that runs the next iteration and gives its trees, one per output. */
export function createIterationSource(context: IterationContext): () => Promise<readonly GrownTree[]> {
  const { training: { workspace }, parameters } = context;
  const { rows } = workspace.plan;
  const taken = Math.max(1, Math.round(parameters.rowFraction * rows));
  const order = new Int32Array(rows); // this iteration's rows; every tree of it starts from the same order
  sampleRows(order, rows, context.random);
  return async () => {
    if (taken < rows) sampleRows(order, taken, context.random);
    const grown: GrownTree[] = [];
    for (let output = 0; output < parameters.outputs; output++) grown.push(await growOutput(context, output, order, taken));
    return grown;
  };
}

async function growOutput(context: IterationContext, output: number, order: Int32Array, taken: number): Promise<GrownTree> {
  const { training: { workspace, features, validation }, team, threads, pacer } = context;
  const { rows } = workspace.plan;
  await chooseColumns(context);
  const fixedPoint = await computeGradients(context, output);
  workspace.rowIndex.set(order);
  const scores = workspace.scores.subarray(output * rows, (output + 1) * rows);
  const tree = await growTree({ workspace, team, threads, pacer, features, fixedPoint, rows: taken }, scores);
  if (taken < rows) addScoresByBins(tree, { columnBins: workspace.columnBins, rows }, workspace.rowIndex.subarray(taken), scores);
  if (validation) addScoresByBins(tree, validation, undefined, validation.scores.subarray(output * validation.rows, (output + 1) * validation.rows));
  return tree;
}

/** Gives each slot a column and lays the columns out row by row; once when every tree uses all columns. */
async function chooseColumns({ training: { workspace, features, columnsPerTree }, team, random, pacer }: IterationContext): Promise<void> {
  const { slotFeature, plan } = workspace;
  const isFixed = columnsPerTree === features.length;
  if (isFixed && slotFeature[0] !== -1) return;
  slotFeature.set(sampleColumns(features.length, columnsPerTree, random).subarray(0, features.length));
  await team.run(PHASE.fillRowBins);
  await pacer.spend(plan.rows * plan.slots);
}

/** Cost of one row's gradient in histogram cells: an exponential, about 15 ns. */
const GRADIENT_CELLS = 8;

/** Fills `pairs` with quantised gradients. Block sums are added in block order, so threads do not change a bit. */
async function computeGradients({ training: { workspace }, team, threads, pacer }: IterationContext, output: number): Promise<FixedPoint> {
  const { plan: { rows, blocks } } = workspace;
  const blocksPerStep = Math.max(threads, Math.floor((blocks * QUANTUM_CELLS * threads) / (rows * GRADIENT_CELLS)));
  for (let first = 0; first < blocks; first += blocksPerStep) {
    const end = Math.min(blocks, first + blocksPerStep);
    setGradients(workspace, output, first, end);
    await team.run(PHASE.gradients);
    await pacer.spend(((end - first) / blocks) * rows * (GRADIENT_CELLS / threads));
  }
  const fixedPoint = fixedPointOf(workspace);
  setFixedPoint(workspace, fixedPoint);
  await team.run(PHASE.quantise);
  return fixedPoint;
}

function fixedPointOf({ plan: { rows }, blockLargestGradient, blockHessianSum }: Workspace): FixedPoint {
  return chooseFixedPoint(rows, blockLargestGradient.reduce((a, b) => Math.max(a, b), 0), blockHessianSum.reduce((a, b) => a + b, 0));
}
