/**
 * A command declared once: its words, options, help, work and how its result looks. The types of the values
 * follow from the declaration. `run` returns plain data; `--json` prints that data and people see `render` of it,
 * so no command can say one thing to people and another to programs.
 */
import { StrataError } from "../kernel/errors.ts";
import { GLOBAL_OPTIONS } from "./arguments.ts";
import type { Host } from "./host.ts";
import { flagName, type Option, type OptionTable, type OptionValues, type PositionalTable, type PositionalValues } from "./option.ts";
import type { Terminal } from "./terminal/terminal.ts";

/** Exit statuses of the process. */
export const EXIT = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

export interface CommandContext<Options extends OptionTable = OptionTable, Positionals extends PositionalTable = PositionalTable> extends Host {
  readonly options: OptionValues<Options>;
  readonly positionals: PositionalValues<Positionals>;
  readonly terminal: Terminal;
  /** The result goes to stdout as JSON; prose written to the terminal's stdout is dropped. */
  readonly json: boolean;
  readonly verbose: boolean;
  /** The whole path, "strata models show". */
  readonly command: string;
  /** Exit status 2 with a pointer to this command's help: `throw context.usageError("...")`. */
  usageError(reason: string): StrataError;
}

export interface Example {
  /** What to type, with the program's name. */
  readonly command: string;
  /** What it does. */
  readonly note: string;
}

export interface CommandDefinition<Options extends OptionTable, Positionals extends PositionalTable, Result> {
  readonly name: string;
  /** One line without a full stop, for lists of commands. */
  readonly summary: string;
  /** Paragraphs for the command's own help. */
  readonly description: string;
  /** Replaces the usage line made from options and positionals, without the program's name. */
  readonly usage?: string;
  readonly options?: Options;
  readonly positionals?: Positionals;
  readonly examples: readonly Example[];
  /** A first word that names one of these runs it instead. */
  readonly subcommands?: readonly Command[];
  /**
   * Does the work and returns the result. A command that follows something returns an async iterable: each item is
   * shown when it comes, in JSON mode as one line (NDJSON). Left out when there are only subcommands.
   */
  run?(context: CommandContext<Options, Positionals>): Result | Promise<Result> | AsyncIterable<Result>;
  /** Shows a result to people; without it they see the JSON too. */
  render?(result: Result, context: CommandContext<Options, Positionals>): void;
  /** The exit status a result means, for commands that report findings; 0 otherwise. */
  exitCode?(result: Result): number;
}

/** A definition with everything filled in and its types erased. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly usage: string | undefined;
  readonly options: OptionTable;
  readonly positionals: PositionalTable;
  readonly examples: readonly Example[];
  readonly subcommands: readonly Command[];
  run?(context: CommandContext): unknown;
  render?(result: unknown, context: CommandContext): void;
  exitCode?(result: unknown): number;
}

/** Checks the declaration and returns the command. A contradictory declaration raises INTERNAL at once. */
export function defineCommand<const Options extends OptionTable = {}, const Positionals extends PositionalTable = {}, Result = unknown>(
  definition: CommandDefinition<Options, Positionals, Result>,
): Command {
  const command: Command = {
    ...definition as CommandDefinition<OptionTable, PositionalTable, unknown>,
    usage: definition.usage,
    options: definition.options ?? {},
    positionals: definition.positionals ?? {},
    subcommands: definition.subcommands ?? [],
  };
  const mistakes = mistakesOf(command);
  if (mistakes.length > 0) throw new StrataError("INTERNAL", { reason: `command ${definition.name} is declared wrongly: ${mistakes.join("; ")}` });
  return command;
}

function mistakesOf(command: Command): readonly string[] {
  return [
    ...(command.run === undefined && command.subcommands.length === 0 ? ["it has neither run nor subcommands"] : []),
    ...duplicates(command.subcommands.map((subcommand) => subcommand.name)).map((name) => `subcommand ${name} is there twice`),
    ...optionMistakes(command.options),
    ...positionalMistakes(command.positionals),
  ];
}

function optionMistakes(options: OptionTable): readonly string[] {
  const all: readonly Option[] = [...Object.values(options), ...Object.values(GLOBAL_OPTIONS)];
  const letters = all.flatMap((option) => option.short ?? []);
  return [
    ...Object.keys(options).filter((key) => key in GLOBAL_OPTIONS).map((key) => `--${flagName(key)} belongs to every command`),
    ...Object.keys(options).filter((key) => flagName(key).startsWith("no-")).map((key) => `--${flagName(key)} must be named without "no" (its negation)`),
    ...letters.filter((letter) => !/^[A-Za-z]$/.test(letter)).map((letter) => `"${letter}" is not one letter`),
    ...duplicates(letters).map((letter) => `-${letter} is there twice`),
  ];
}

function positionalMistakes(positionals: PositionalTable): readonly string[] {
  const list = Object.entries(positionals);
  return list.flatMap(([name, positional], index) => [
    ...(positional.multiple === true && index < list.length - 1 ? [`<${name}> takes all that follow, so it must be last`] : []),
    ...(positional.optional !== true && list.slice(0, index).some(([, before]) => before.optional === true) ? [`<${name}> must come before those that may be left out`] : []),
  ]);
}

function duplicates(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
