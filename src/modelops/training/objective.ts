/**
 * Losses: where the raw scores start, and each row's gradient and hessian given the scores.
 * Gradients of a block of rows touch only that block, so blocks can be computed by any thread in any order.
 */
import { lambdaGradients } from "./lambdarank.ts";
import type { Workspace } from "./workspace.ts";

/** Raw scores before any tree: log-odds, mean, log-priors, or 0 for ranking, where only differences count. */
export function baseScores({ plan: { parameters, rows }, label, weight }: Pick<Workspace, "plan" | "label" | "weight">): Float64Array {
  const { objective, outputs } = parameters;
  const sums = new Float64Array(outputs);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const share = weight.length > 0 ? weight[row]! : 1;
    total += share;
    if (objective === "multiclass") sums[label[row]!]! += share;
    else sums[0]! += share * label[row]!;
  }
  const means = sums.map((sum) => sum / total);
  switch (objective) {
    case "binary": return means.map((mean) => Math.log(clampProbability(mean) / (1 - clampProbability(mean))));
    case "multiclass": return means.map((mean) => Math.log(clampProbability(mean)));
    case "regression": return means;
    case "lambdarank": return means.fill(0);
  }
}

/** A class that never occurs starts at one in a trillion instead of minus infinity. */
const clampProbability = (probability: number): number => Math.min(Math.max(probability, 1e-12), 1 - 1e-12);

/** Writes the (gradient, hessian) pairs of one output for the blocks first .. end, and each block's largest |gradient| and hessian sum. */
export function blockGradients(workspace: Workspace, output: number, blocks: { readonly first: number; readonly end: number }): void {
  for (let block = blocks.first; block < blocks.end; block++) {
    const from = workspace.blockStarts[block]!, to = workspace.blockStarts[block + 1]!;
    rowGradients(workspace, output, from, to);
    if (workspace.weight.length > 0) weigh(workspace, from, to);
    summarise(workspace, block, from, to);
  }
}

function rowGradients(workspace: Workspace, output: number, from: number, to: number): void {
  switch (workspace.plan.parameters.objective) {
    case "binary": return binaryGradients(workspace, from, to);
    case "regression": return squaredGradients(workspace, from, to);
    case "multiclass": return softmaxGradients(workspace, output, from, to);
    case "lambdarank": return lambdaGradients(workspace, from, to);
  }
}

/** Log loss of the logistic function: p - y and p (1 - p). */
function binaryGradients({ scores, label, pairs }: Workspace, from: number, to: number): void {
  for (let row = from; row < to; row++) {
    const probability = 1 / (1 + Math.exp(-scores[row]!));
    pairs[2 * row] = probability - label[row]!;
    pairs[2 * row + 1] = probability * (1 - probability);
  }
}

/** Half the squared error. */
function squaredGradients({ scores, label, pairs }: Workspace, from: number, to: number): void {
  for (let row = from; row < to; row++) {
    pairs[2 * row] = scores[row]! - label[row]!;
    pairs[2 * row + 1] = 1;
  }
}

/** Softmax cross-entropy; the hessian's factor K / (K - 1) makes up for the redundant class (Friedman 2001, LogitBoost step). */
function softmaxGradients(workspace: Workspace, output: number, from: number, to: number): void {
  const { plan: { rows, parameters: { outputs } }, probabilities, label, pairs } = workspace;
  if (output === 0) softmaxBlock(workspace, from, to); // later outputs see the same probabilities, though scores have moved
  const factor = outputs / (outputs - 1);
  for (let row = from; row < to; row++) {
    const probability = probabilities[output * rows + row]!;
    pairs[2 * row] = probability - (label[row] === output ? 1 : 0);
    pairs[2 * row + 1] = factor * probability * (1 - probability);
  }
}

function softmaxBlock({ plan: { rows, parameters: { outputs } }, scores, probabilities }: Workspace, from: number, to: number): void {
  for (let row = from; row < to; row++) {
    let largest = -Infinity, sum = 0;
    for (let k = row; k < outputs * rows; k += rows) largest = Math.max(largest, scores[k]!);
    for (let k = row; k < outputs * rows; k += rows) sum += probabilities[k] = Math.exp(scores[k]! - largest);
    for (let k = row; k < outputs * rows; k += rows) probabilities[k]! /= sum;
  }
}

function weigh({ pairs, weight }: Workspace, from: number, to: number): void {
  for (let row = from; row < to; row++) {
    pairs[2 * row]! *= weight[row]!;
    pairs[2 * row + 1]! *= weight[row]!;
  }
}

function summarise({ pairs, blockLargestGradient, blockHessianSum }: Workspace, block: number, from: number, to: number): void {
  let largest = 0, sum = 0;
  for (let i = 2 * from; i < 2 * to; i += 2) {
    const size = Math.abs(pairs[i]!);
    if (size > largest) largest = size;
    sum += pairs[i + 1]!;
  }
  blockLargestGradient[block] = largest;
  blockHessianSum[block] = sum;
}
