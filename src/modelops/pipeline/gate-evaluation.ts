/** The definition's gates against measured evidence: resolves "best" to the strongest baseline. Pure. */
import { isHigherBetter } from "../../define/index.ts";
import type { Gate as DeclaredGate } from "../../define/index.ts";
import type { Random } from "../../kernel/random.ts";
import { evaluateGates } from "../validation/gates.ts";
import type { Gate, GateEvidence, GateVerdict, ModelEvidence } from "../validation/gates.ts";
import { figureOf } from "./evaluation.ts";

/** A model without gates passes none: the registry will then ask for an explicit decision. */
export function judgeGates(gates: readonly DeclaredGate[], evidence: GateEvidence, random: Random): readonly GateVerdict[] {
  return evaluateGates(gates.map((gate) => resolveGate(gate, evidence.baselines)), evidence, { random });
}

function resolveGate({ metric, min, max, beatsChampion, beatsBaseline }: DeclaredGate, baselines: Readonly<Record<string, ModelEvidence>>): Gate {
  return {
    metric, lowerIsBetter: !isHigherBetter(metric),
    ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }),
    ...(beatsChampion ? { beatsChampion: true, margin: beatsChampion.margin } : {}),
    ...(beatsBaseline === undefined ? {} : { beatsBaseline: beatsBaseline === "best" ? bestBaseline(metric, baselines) : beatsBaseline }),
  };
}

function bestBaseline(metric: string, baselines: Readonly<Record<string, ModelEvidence>>): string {
  const sign = isHigherBetter(metric) ? 1 : -1;
  const ranked = Object.entries(baselines).map(([name, evidence]) => ({ name, figure: sign * figureOf(evidence[metric] ?? Number.NaN) }))
    .filter(({ figure }) => !Number.isNaN(figure)).toSorted((a, b) => b.figure - a.figure);
  return ranked[0]?.name ?? "best";
}
