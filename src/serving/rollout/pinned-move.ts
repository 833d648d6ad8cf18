/**
 * Moves with the versions they mean. A person may name a version by an alias; what is kept is the version that the
 * alias named then, so that moving the alias later moves no traffic without a record. Pure.
 */
import type { TrafficMove } from "./traffic-move.ts";

/** The versions and aliases that a move names, as they were written. */
export function namesIn(move: TrafficMove): readonly string[] {
  switch (move.kind) {
    case "split": return [...new Set(move.arms.map(({ version }) => version))];
    case "canary": case "switch": return [move.version];
    case "shadow": return move.shadow ? [move.shadow.version] : [];
    case "promote": case "rollback": case "advance": return [];
  }
}

/** The move with each name replaced by its version. */
export function pinMove(move: TrafficMove, versions: ReadonlyMap<string, string>): TrafficMove {
  const versionOf = (name: string): string => versions.get(name) ?? name;
  switch (move.kind) {
    case "split": return { ...move, arms: move.arms.map((arm) => ({ ...arm, version: versionOf(arm.version) })) };
    case "canary": case "switch": return { ...move, version: versionOf(move.version) };
    case "shadow": return move.shadow ? { ...move, shadow: { ...move.shadow, version: versionOf(move.shadow.version) } } : move;
    case "promote": case "rollback": case "advance": return move;
  }
}

/** The reason, and what the aliases in the move meant. */
export function pinnedReason(reason: string, versions: ReadonlyMap<string, string>): string {
  const aliases = [...versions].filter(([name, version]) => name !== version).map(([name, version]) => `"${name}" was version ${version}`);
  return aliases.length === 0 ? reason : `${reason} (${aliases.join(", ")})`;
}
