/**
 * May an alias change, and what changes with it? A pure decision from the aliases as they stand.
 * No version becomes champion or challenger unless every gate passed; no gate at all needs someone's explicit force.
 */
import type { GateVerdict } from "../validation/gates.ts";

/** champion answers, challenger is on trial, previous is where a rollback returns to. */
export type Alias = "champion" | "challenger" | "previous";

export type Aliases = { readonly [Name in Alias]?: number };

/** Someone takes it upon themselves to move an alias without any gate. Never overrides a gate that failed. */
export interface Force {
  readonly actor: string;
  readonly reason: string;
}

interface AliasRequestBase {
  readonly model: string;
  /** Where the caller saw the alias when it decided; null = not set. Default: where it stands when the call starts. */
  readonly expected?: number | null;
  /** Why, as a sentence with its numbers. */
  readonly reason: string;
  /** A person's or the controller's name. */
  readonly actor: string;
  /** What the rollout decided, as plain JSON. */
  readonly decision?: unknown;
}

export interface MoveRequest extends AliasRequestBase {
  readonly alias: Alias;
  readonly version: number;
  readonly gates: readonly GateVerdict[];
  readonly force?: Force;
}

/** Champion and previous change places; `expected` is the champion to return from. */
export type RollbackRequest = AliasRequestBase;

export interface RemovalRequest extends AliasRequestBase {
  readonly alias: Alias;
}

export type AliasRequest =
  | (MoveRequest & { readonly action: "move" })
  | (RollbackRequest & { readonly action: "rollback"; readonly alias: "champion" })
  | (RemovalRequest & { readonly action: "remove" });

export interface AliasSnapshot {
  readonly aliases: Aliases;
  readonly expected: number | null;
  /** Versions that were champion at some time, or undefined when not looked up (only a move of `previous` asks). */
  readonly pastChampions: ReadonlySet<number> | undefined;
}

export interface AliasChange {
  readonly alias: Alias;
  readonly from: number | null;
  readonly to: number | null;
}

/** Allowed with no changes: it is as requested already. */
export type AliasDecision = { readonly refused: string } | { readonly refused?: never; readonly changes: readonly AliasChange[] };

/** The champion change comes first in `changes`; a rollback's or move's first change leads to the version that it is about. */
export function decideAliasChange(snapshot: AliasSnapshot, request: AliasRequest): AliasDecision {
  if (isBlank(request.actor) || isBlank(request.reason)) return { refused: "a change of an alias needs an actor and a reason." };
  switch (request.action) {
    case "move": return decideMove(snapshot, request);
    case "rollback": return decideRollback(snapshot);
    case "remove": return decideRemoval(snapshot, request.alias);
  }
}

function decideMove(snapshot: AliasSnapshot, request: MoveRequest): AliasDecision {
  const { aliases, expected } = snapshot;
  const { alias, version } = request;
  const refused = missingProof(snapshot, request);
  if (refused !== undefined) return { refused };
  if (aliases[alias] === version) return { changes: [] };
  if ((aliases[alias] ?? null) !== expected) return { refused: movedMeanwhile(alias, aliases, expected) };
  if (alias === "challenger" && aliases.champion === version) return { refused: `version ${version} is the champion already.` };
  return { changes: alias === "champion" ? championChanges(aliases, version) : [change(aliases, alias, version)] };
}

function decideRollback({ aliases, expected }: AliasSnapshot): AliasDecision {
  if ((aliases.champion ?? null) !== expected) return { refused: movedMeanwhile("champion", aliases, expected) };
  if (aliases.previous === undefined) return { refused: "there is no earlier champion to return to." };
  return { changes: championChanges(aliases, aliases.previous) };
}

function decideRemoval({ aliases, expected }: AliasSnapshot, alias: Alias): AliasDecision {
  if (alias === "champion") return { refused: "a champion can be replaced, not removed." };
  if (aliases[alias] === undefined) return { changes: [] };
  if (aliases[alias] !== expected) return { refused: movedMeanwhile(alias, aliases, expected) };
  return { changes: [change(aliases, alias, null)] };
}

function missingProof({ pastChampions }: AliasSnapshot, { alias, version, gates, force }: MoveRequest): string | undefined {
  if (alias === "previous") return pastChampions?.has(version) ? undefined : `version ${version} was never champion, so there is nothing to return to.`;
  const failed = gates.filter(({ passed }) => !passed);
  if (failed.length > 0) return `${failed.length} of ${gates.length} gate(s) failed: ${failed.map(({ gate, reason }) => `${gate.metric}: ${reason}`).join("; ")}`;
  if (gates.length > 0) return undefined;
  if (force === undefined) return "no gate was evaluated. Give the verdicts of its gates, or force the move with an actor and a reason.";
  return isBlank(force.actor) || isBlank(force.reason) ? "a forced move needs an actor and a reason." : undefined;
}

/** The old champion becomes previous; a challenger that won is on trial no more. */
function championChanges(aliases: Aliases, version: number): readonly AliasChange[] {
  return [
    change(aliases, "champion", version),
    ...(aliases.champion === undefined ? [] : [change(aliases, "previous", aliases.champion)]),
    ...(aliases.challenger === version ? [change(aliases, "challenger", null)] : []),
  ];
}

function change(aliases: Aliases, alias: Alias, to: number | null): AliasChange {
  return { alias, from: aliases[alias] ?? null, to };
}

function movedMeanwhile(alias: Alias, aliases: Aliases, expected: number | null): string {
  return `${alias} stands at ${nameOf(aliases[alias])}, not at ${nameOf(expected)} as when this was decided.`;
}

function nameOf(version: number | null | undefined): string {
  return version === null || version === undefined ? "no version" : `version ${version}`;
}

function isBlank(text: string): boolean {
  return text.trim() === "";
}
