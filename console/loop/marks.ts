/** What deserves a look at a node, worst first: pure. */
import { counted, formatShare } from "../format/numbers.ts";
import type { EndpointOverview, ModelOverview, Overview, StreamOverview } from "../../src/protocols/admin/overview.ts";
import type { LoopKind } from "./node-kind.ts";

export type Tone = "bad" | "warning" | "active" | "info";

export interface Mark {
  readonly tone: Tone;
  /** Short enough for a label. */
  readonly text: string;
  readonly explanation: string;
}

const TONES: readonly Tone[] = ["bad", "warning", "active", "info"];
/** A consumer may be behind by what comes in within this time before it counts as lag. */
const LAG_SECONDS = 5;
/** At small rates a few events are one batch, not lag. */
const LAG_EVENTS = 100;
/** A fallback now and then is what it is for. */
const FALLBACK_WARNING = 0.01;
const FALLBACK_BAD = 0.1;

export function marksOf(overview: Overview, kind: LoopKind, name: string): readonly Mark[] {
  return worstFirst(found(overview, kind, name));
}

export function worstFirst(marks: readonly Mark[]): readonly Mark[] {
  return marks.toSorted((a, b) => TONES.indexOf(a.tone) - TONES.indexOf(b.tone));
}

function found(overview: Overview, kind: LoopKind, name: string): readonly Mark[] {
  const by = <T extends { readonly name: string }>(list: readonly T[]): T | undefined => list.find((entry) => entry.name === name);
  const [stream, view, candidates, model, endpoint] = [by(overview.streams), by(overview.featureViews), by(overview.candidates), by(overview.models), by(overview.endpoints)];
  switch (kind) {
    case "stream": return stream ? streamMarks(stream) : [];
    case "view": return view ? [...rebuildMarks(view.rebuild), ...lagMarks(view.lagEvents, [view.from], overview)] : [];
    case "candidates": return candidates ? lagMarks(candidates.lagEvents, candidates.from, overview) : [];
    case "model": return model ? modelMarks(model, overview) : [];
    case "endpoint": return endpoint ? [...fallbackMarks(endpoint), ...rolloutMarks(overview, "endpoint", name)] : [];
  }
}

function streamMarks({ name, deadLetters, events }: StreamOverview): readonly Mark[] {
  const count = Object.values(deadLetters).reduce((sum, letters) => sum + letters, 0);
  if (count === 0) return events > 0 ? [] : [{ tone: "info", text: "no events yet", explanation: `Send the first one: POST /v1/streams/${name}/events` }];
  return [{ tone: "warning", text: counted(count, "dead letter"), explanation: `${counted(count, "event")} could not be taken and wait as dead letters: ${Object.keys(deadLetters).join(", ")}.` }];
}

function rebuildMarks(rebuild: number | undefined): readonly Mark[] {
  return rebuild === undefined ? [] : [{ tone: "active", text: `rebuilding ${formatShare(rebuild)}`, explanation: "The view is being rebuilt from the log; until then its features are those of the part done." }];
}

function lagMarks(lagEvents: number, from: readonly string[], { streams }: Overview): readonly Mark[] {
  const rate = streams.filter(({ name }) => from.includes(name)).reduce((sum, { eventsPerSecond }) => sum + eventsPerSecond, 0);
  if (lagEvents <= Math.max(LAG_EVENTS, rate * LAG_SECONDS)) return [];
  return [{ tone: "warning", text: `${counted(lagEvents, "event")} behind`, explanation: `${counted(lagEvents, "event")} of ${from.join(" and ")} ${lagEvents === 1 ? "is" : "are"} stored but not applied yet.` }];
}

function modelMarks(model: ModelOverview, overview: Overview): readonly Mark[] {
  const { training, aliases, name } = model;
  const drifted = overview.drift.find((drift) => drift.model === name)?.windows.at(-1)?.features.filter((feature) => feature.drifted) ?? [];
  return [
    ...(training ? [{ tone: "active" as const, text: `training ${formatShare(training.share)}`, explanation: `${training.stage}: ${training.detail}` }] : []),
    ...(drifted.length === 0 ? [] : [{ tone: "warning" as const, text: `${counted(drifted.length, "feature")} drifted`, explanation: `In the latest window: ${drifted.map((feature) => feature.name).join(", ")}.` }]),
    ...rolloutMarks(overview, "model", name),
    ...(aliases.champion === undefined && !training ? [{ tone: "info" as const, text: "not trained", explanation: `No version answers yet. Run: strata train ${name}` }] : []),
  ];
}

function fallbackMarks({ fallbackShare, requests }: EndpointOverview): readonly Mark[] {
  if (!(fallbackShare >= FALLBACK_WARNING) || requests === 0) return [];
  return [{ tone: fallbackShare >= FALLBACK_BAD ? "bad" : "warning", text: `${formatShare(fallbackShare)} fallback`, explanation: `The fallback gave ${formatShare(fallbackShare)} of the answers, because no model was ready or the deadline passed.` }];
}

function rolloutMarks({ rollouts }: Overview, by: "model" | "endpoint", name: string): readonly Mark[] {
  return rollouts.filter((rollout) => rollout[by] === name && isActive(rollout.phase)).map((rollout) => ({
    tone: "info", text: rollout.phase === "canary" ? `canary ${formatShare(rollout.share)}` : rollout.phase, explanation: `Version ${rollout.challenger} is on trial. ${rollout.reason}`,
  }));
}

/** Whether a rollout's phase is one in which it goes on. */
export const isActive = (phase: string): boolean => phase === "shadow" || phase === "canary";
