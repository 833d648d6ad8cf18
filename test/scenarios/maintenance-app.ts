/**
 * Machines report their temperature; inspections find them worn or not; the endpoint guesses beforehand. The guess
 * that an inspection confirms is a reward of 1. Small enough to train in a second.
 */
import {
  canary, count, defineApplication, defineEndpoint, defineEntity, defineFeatureView, defineModel, defineStream, eachEvent, gate,
  gradientBoosting, labelValue, last, mean, onDrift, outcomeFrom, z,
} from "strata";

export const readings = defineStream("readings", {
  schema: z.object({ id: z.string(), machine: z.string(), celsius: z.number(), at: z.number() }), time: "at", id: "id",
});

export const inspections = defineStream("inspections", {
  schema: z.object({ id: z.string(), machine: z.string(), worn: z.boolean(), at: z.number(), decision: z.string().optional(), reward: z.number().optional() }),
  time: "at", id: "id",
});

export const machine = defineEntity("machine");

export const heat = defineFeatureView("heat", {
  entities: [machine], from: readings, by: (e) => ({ machine: e.machine }),
  features: (e) => ({ now: last(e.celsius), mean_1h: mean(e.celsius).over("1h"), readings_1d: count().over("1d") }),
});

export const wear = defineModel("wear", {
  features: [heat],
  examples: eachEvent(inspections, { keys: (e) => ({ machine: e.machine }) }),
  label: labelValue(inspections, (e) => e.worn),
  trainer: gradientBoosting({ objective: "binary", trees: 20, learningRate: 0.3, leaves: 8, minChildSamples: 10, seed: 3 }),
  gates: [gate("auc", { min: 0.7, beatsChampion: { margin: 0.05 } })],
  retrain: [onDrift({ psi: 0.5 })],
  cooldown: "1h",
});

export const guess = defineEndpoint("guess", {
  model: wear, request: z.object({ machine: z.string() }), keys: { machine: "machine" },
  rollout: canary({ steps: [0.5], minimumOutcomes: 60, maximumOutcomes: 2_000, shadowRequests: 30, margin: 0.05 }),
  deadline: "30s", fallback: 0.5,
  outcome: outcomeFrom(inspections, { decision: (e) => e.decision, reward: (e) => e.reward, within: "5m" }),
});

export default defineApplication("maintenance", [guess]);
