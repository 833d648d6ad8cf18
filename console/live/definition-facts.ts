/**
 * What the console needs from the definition and the overview does not hold: where outcomes come from, when a model
 * retrains, what a rollout must show. Read from the document of GET /v1/definition; parts it does not know are left out.
 */
import { counted, formatMetric, formatShare } from "../format/numbers.ts";
import { formatDuration } from "../format/times.ts";

export interface RolloutRules {
  readonly steps: readonly number[];
  /** How much worse the challenger may be, as a share of the champion's mean reward. */
  readonly margin: number;
}

export interface OutcomeFacts {
  readonly stream: string;
  readonly windowMs: number;
}

export interface DefinitionFacts {
  /** By endpoint. */
  readonly outcomes: Readonly<Record<string, OutcomeFacts>>;
  readonly rollouts: Readonly<Record<string, RolloutRules>>;
  /** By model: phrases such as "every 30 d". */
  readonly retraining: Readonly<Record<string, readonly string[]>>;
}

export const NO_FACTS: DefinitionFacts = { outcomes: {}, rollouts: {}, retraining: {} };

/** Asks the server; no facts when it cannot say. */
export async function loadDefinitionFacts(signal: AbortSignal): Promise<DefinitionFacts> {
  try {
    const response = await fetch("/v1/definition", { signal });
    return response.ok ? definitionFacts(((await response.json()) as { readonly document?: unknown }).document) : NO_FACTS;
  } catch {
    return NO_FACTS; // the overview's connection tells when the server is gone
  }
}

export function definitionFacts(document: unknown): DefinitionFacts {
  const resources = member(document, "resources");
  const endpoints = entriesOf(member(resources, "endpoints"));
  return {
    outcomes: Object.fromEntries(endpoints.flatMap(([name, endpoint]) => named(name, outcomeOf(member(endpoint, "outcome"))))),
    rollouts: Object.fromEntries(endpoints.flatMap(([name, endpoint]) => named(name, rulesOf(member(endpoint, "rollout"))))),
    retraining: Object.fromEntries(entriesOf(member(resources, "models")).map(([name, model]) => [name, listOf(member(model, "retrain")).flatMap(triggerText)])),
  };
}

const named = <T>(name: string, value: T | undefined): readonly (readonly [string, T])[] => (value === undefined ? [] : [[name, value]]);

function outcomeOf(outcome: unknown): OutcomeFacts | undefined {
  const [stream, windowMs] = [member(outcome, "from"), member(outcome, "windowMs")];
  return typeof stream === "string" && typeof windowMs === "number" ? { stream, windowMs } : undefined;
}

function rulesOf(rollout: unknown): RolloutRules | undefined {
  const margin = member(rollout, "margin");
  const steps = listOf(member(rollout, "steps")).filter((step) => typeof step === "number");
  return typeof margin === "number" ? { margin, steps } : undefined;
}

function triggerText(trigger: unknown): readonly string[] {
  const number = (key: string): number => Number(member(trigger, key));
  switch (member(trigger, "kind")) {
    case "schedule": return [`every ${formatDuration(number("everyMs"))}`];
    case "drift": return [`when ${counted(number("features"), "feature")} ${number("features") === 1 ? "has" : "have"} a PSI of ${formatMetric(number("psi"))} or more`];
    case "performance": return [`when the mean reward falls by ${formatShare(number("dropShare"))}`];
    case "new-data": return [`after ${counted(number("events"), "new event")}`];
    default: return [];
  }
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key) ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
