/** Which arm of a split a caller meets: always the same one for a key, in the proportions of the weights. Pure but for the draw it is given. */
import { hashPoint } from "../traffic.ts";

export function chooseArm(weights: readonly number[], salt: string, { key, draw }: { readonly key: string | undefined; readonly draw: () => number }): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let left = (key === undefined ? draw() : hashPoint(salt, key)) * total;
  for (let arm = 0; arm < weights.length - 1; arm++) {
    left -= weights[arm]!;
    if (left < 0) return arm;
  }
  return weights.length - 1;
}
