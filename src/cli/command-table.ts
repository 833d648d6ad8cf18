/**
 * The commands of `strata`, by task. A command's file is only loaded when the command runs, so that
 * `strata --help` and `strata --version` answer at once. main.test.ts holds each entry against its file.
 */
import type { Command } from "./command.ts";

/** In the order of a first day with Strata; `strata --help` shows only groups that have commands. */
export const COMMAND_GROUPS = ["Start", "Define", "Data", "Models", "Operate"] as const;

export interface CommandEntry {
  readonly name: string;
  readonly group: (typeof COMMAND_GROUPS)[number];
  /** The same line as in the command's file. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export const COMMANDS: readonly CommandEntry[] = [];
