/** What a training report shows: each metric of the model, the champion and every baseline, with bootstrap intervals. */
import type { Random } from "../../kernel/random.ts";
import { bootstrapInterval } from "../validation/bootstrap.ts";
import type { GateEvidence, MetricEvidence } from "../validation/gates.ts";
import { pairedBootstrap } from "../validation/bootstrap.ts";
import { figureOf } from "./evaluation.ts";

export interface QualityEntry {
  readonly metric: string;
  /** "this version", "champion", or a baseline. */
  readonly name: string;
  readonly value: number;
  /** Bootstrap 95 % interval, where the metric is a mean of per-query values. */
  readonly low?: number;
  readonly high?: number;
  /** This version less the other, on the same queries, with its paired interval. */
  readonly lead?: { readonly difference: number; readonly low: number; readonly high: number };
}

export function qualityTable(evidence: GateEvidence, random: Random): readonly QualityEntry[] {
  const models = [["this version", evidence.challenger] as const, ...(evidence.champion ? [["champion", evidence.champion] as const] : []), ...Object.entries(evidence.baselines)];
  return Object.keys(evidence.challenger).flatMap((metric) => models.map(([name, values]): QualityEntry => {
    const of = values[metric] ?? Number.NaN;
    const own = evidence.challenger[metric]!;
    return { metric, name, value: figureOf(of), ...intervalOf(of, random), ...(name === "this version" ? {} : leadOver(own, of, random)) };
  }));
}

function intervalOf(evidence: MetricEvidence, random: Random): { readonly low?: number; readonly high?: number } {
  if (!isSampled(evidence) || evidence.length < 2) return {};
  const { low, high } = bootstrapInterval(evidence, { random });
  return { low, high };
}

function leadOver(own: MetricEvidence, other: MetricEvidence, random: Random): Pick<QualityEntry, "lead"> {
  if (!isSampled(own) || !isSampled(other) || own.length !== other.length || own.length < 2) return {};
  const { difference, low, high } = pairedBootstrap(own, other, { random });
  return { lead: { difference, low, high } };
}

function isSampled(evidence: MetricEvidence): evidence is readonly number[] | Float64Array {
  return typeof evidence === "object" && "length" in evidence;
}
