/**
 * Learns the weights of define/guardrail-injection-weights.ts from the `fit` cases and prints them with what they
 * are worth: `node --conditions=source test/guardrails/fit-injection-weights.ts`.
 * Logistic regression by gradient descent, an L2 penalty of 0.5.
 */
import { INJECTION_FEATURES, injectionFeatures } from "../../src/define/guardrail-injection-signals.ts";
import { INJECTION_CASES } from "./prompt-injection-cases.ts";

const PENALTY = 0.5;
const STEPS = 6_000;
/** Nothing an attacker adds to a text should make it look much more harmless. */
const LEAST_WEIGHT = -0.6;

interface Row { readonly features: readonly number[]; readonly label: number }

const rows = INJECTION_CASES.filter(({ set }) => set === "fit").map(({ text, isAttack }): Row => ({ features: injectionFeatures(text).map(Number), label: Number(isAttack) }));
const weights = INJECTION_FEATURES.map(() => 0);
let bias = 0;
for (let step = 0; step < STEPS; step++) {
  const gradient = weights.map((weight) => PENALTY * weight);
  let biasGradient = 0;
  for (const { features, label } of rows) {
    const error = 1 / (1 + Math.exp(-features.reduce((sum, value, i) => sum + value * weights[i]!, bias))) - label;
    biasGradient += error;
    for (const [i, value] of features.entries()) gradient[i]! += error * value;
  }
  for (const [i, slope] of gradient.entries()) weights[i] = Math.max(LEAST_WEIGHT, weights[i]! - (0.5 * slope) / rows.length);
  bias -= (0.5 * biasGradient) / rows.length;
}
process.stdout.write(`bias ${bias.toFixed(2)}\n${INJECTION_FEATURES.map((kinds, i) => `  "${kinds.join("+")}": ${weights[i]!.toFixed(2)},`).join("\n")}\n`);
