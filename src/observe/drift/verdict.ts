/**
 * What every drift test answers. A difference counts as drift only when it is both real (its p-value is small)
 * and material (its effect is large): on a million rows every p-value is tiny, on fifty rows every effect is large.
 */
export type DriftTestName = "psi" | "ks" | "chi_square" | "missing_share";

export type EffectSize = "negligible" | "small" | "moderate" | "large";

export interface DriftVerdict {
  readonly test: DriftTestName;
  readonly statistic: number;
  /** Chance of such a statistic, or a larger one, if nothing had changed. Adjusted for many tests inside a report. */
  readonly pValue: number;
  /** Size of the change in the test's own measure, whatever the number of values; see EFFECTS. */
  readonly effect: number;
  readonly effectSize: EffectSize;
  /** The effect from which on the test calls it drift. */
  readonly threshold: number;
  readonly drifted: boolean;
  /** One sentence for people. */
  readonly reason: string;
}

/** What a test measured, before it is judged. */
export interface DriftEvidence {
  readonly test: DriftTestName;
  readonly statistic: number;
  readonly pValue: number;
  readonly effect: number;
  /** Where the change is, as the end of a sentence; may be empty. */
  readonly where: string;
}

export interface DriftRule {
  readonly threshold: number;
  /** Largest p-value that counts as real. */
  readonly alpha: number;
}

/**
 * Effect sizes by convention: PSI 0.1 and 0.25 (credit scoring practice), w 0.1, 0.3, 0.5 (Cohen 1988).
 * KS is a distance between distribution functions, missing share a difference of shares; their bands are ours.
 */
export const EFFECTS: Readonly<Record<DriftTestName, { readonly label: string; readonly bands: readonly [number, number, number]; readonly threshold: number }>> = {
  psi: { label: "PSI", bands: [0.05, 0.1, 0.25], threshold: 0.2 },
  ks: { label: "the KS distance", bands: [0.05, 0.1, 0.2], threshold: 0.1 },
  chi_square: { label: "the shift of shares w", bands: [0.1, 0.3, 0.5], threshold: 0.3 },
  missing_share: { label: "the change of the missing share", bands: [0.01, 0.05, 0.2], threshold: 0.05 },
};

export const DEFAULT_ALPHA = 0.05;

export function judge(evidence: DriftEvidence, rule: Partial<DriftRule> = {}): DriftVerdict {
  const { test, statistic, pValue, effect } = evidence;
  const { threshold = EFFECTS[test].threshold, alpha = DEFAULT_ALPHA } = rule;
  const material = effect >= threshold;
  const real = pValue <= alpha;
  const effectSize = effectSizeOf(test, effect);
  const reason = sentence(evidence, { threshold, alpha }, { material, real, effectSize });
  return { test, statistic, pValue, effect, effectSize, threshold, drifted: material && real, reason };
}

function effectSizeOf(test: DriftTestName, effect: number): EffectSize {
  const [small, moderate, large] = EFFECTS[test].bands;
  if (effect >= large) return "large";
  return effect >= moderate ? "moderate" : effect >= small ? "small" : "negligible";
}

interface Judgement {
  readonly material: boolean;
  readonly real: boolean;
  readonly effectSize: EffectSize;
}

function sentence(evidence: DriftEvidence, rule: DriftRule, { material, real, effectSize }: Judgement): string {
  const measured = `${EFFECTS[evidence.test].label} is ${shortNumber(evidence.effect)} (${effectSize}; threshold ${shortNumber(rule.threshold)})`;
  const chance = `p = ${shortNumber(evidence.pValue)}`;
  const where = evidence.where === "" ? "" : `: ${evidence.where}`;
  if (material && real) return capitalised(`${measured}, ${chance}${where}.`);
  if (material) return capitalised(`${measured}, but with ${chance} above ${rule.alpha} it can be chance.`);
  return capitalised(real ? `${measured}, ${chance}: a real change, but too small to matter.` : `${measured}, ${chance}: no sign of change.`);
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}

export function percent(share: number): string {
  return `${shortNumber(share * 100)} %`;
}
