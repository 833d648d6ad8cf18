/**
 * One run of the command line: find the command, read its arguments, run it, show the result or the error.
 * stdout carries results only. With --json it carries exactly one JSON document (one per line for a command that
 * follows something): the result, or {"error": {...}}; the error's text also goes to stderr.
 */
import { StrataError, toStrataError } from "../kernel/errors.ts";
import { firstBareIndex, GLOBAL_OPTIONS, mentions, readArguments, usageError } from "./arguments.ts";
import { EXIT, type Command, type CommandContext } from "./command.ts";
import { COMMAND_GROUPS, COMMANDS, type CommandEntry } from "./command-table.ts";
import { describeCommand, renderCommandHelp, renderProgramHelp } from "./help.ts";
import type { Host } from "./host.ts";
import type { OptionTable } from "./option.ts";
import { suggestion } from "./suggestion.ts";
import { createPalette, wantsColor } from "./terminal/color.ts";
import { renderError } from "./terminal/error-text.ts";
import { createTerminal, type Terminal } from "./terminal/terminal.ts";
import { strataVersion } from "../platform/version.ts";

interface Session {
  readonly host: Host;
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly verbose: boolean;
}

/** Runs `strata <words>` and resolves to the exit status; never rejects. Commands may be replaced for tests. */
export async function runCommandLine(words: readonly string[], host: Host, commands: readonly CommandEntry[] = COMMANDS): Promise<number> {
  const json = mentions(words, "--json");
  const terminal = createTerminal({ ...host, json });
  const session: Session = { host, terminal, json, verbose: mentions(words, "--verbose") };
  try {
    return await dispatch(words, session, commands);
  } catch (thrown) {
    return showError(thrown, session);
  }
}

async function dispatch(words: readonly string[], session: Session, commands: readonly CommandEntry[]): Promise<number> {
  const index = firstBareIndex(words, GLOBAL_OPTIONS);
  if (index === -1) return runWithoutCommand(words, session, commands);
  const name = words[index]!;
  const rest = words.toSpliced(index, 1);
  if (name === "help") return dispatch([...rest, "--help"], session, commands);
  const entry = commands.find((candidate) => candidate.name === name);
  if (entry === undefined) {
    throw usageError("strata", `There is no command "${name}"${suggestion(name, commands.map((command) => command.name))}.`);
  }
  const found = descend(await entry.load(), `strata ${name}`, rest);
  return mentions(found.words, "--help", "-h") ? showCommandHelp(found, session) : runCommand(found, session);
}

/** `strata`, `strata --help`, `strata --version`, and options that belong to no command. */
function runWithoutCommand(words: readonly string[], session: Session, commands: readonly CommandEntry[]): number {
  const { terminal } = session;
  const version = strataVersion();
  if (!mentions(words, "--help", "-h")) {
    const rest = words.filter((word) => word !== "--version" && word !== "-v");
    const { problems } = readArguments(rest, { options: {}, positionals: {} });
    if (problems.length > 0) throw usageError("strata", problems);
    if (rest.length < words.length) return show({ version, node: process.versions.node }, session, () => terminal.print(version));
  }
  const list = commands.map(({ name, group, summary }) => ({ name, group, summary }));
  return show({ version, commands: list }, session, () => {
    terminal.print(renderProgramHelp({ version, groups: COMMAND_GROUPS, commands }, terminal));
  });
}

interface Found {
  readonly command: Command;
  /** "strata models show". */
  readonly path: string;
  /** The words that are left for its options and positionals. */
  readonly words: readonly string[];
}

/** Follows subcommand names. Options may stand before them, so a value of one of their options is no name. */
function descend(command: Command, path: string, words: readonly string[]): Found {
  if (command.subcommands.length === 0) return { command, path, words };
  const tables: readonly OptionTable[] = [command.options, ...command.subcommands.map((subcommand) => subcommand.options)];
  const index = firstBareIndex(words, Object.assign({}, ...tables) as OptionTable);
  const subcommand = command.subcommands.find((candidate) => candidate.name === words[index]);
  if (subcommand !== undefined) return descend(subcommand, `${path} ${subcommand.name}`, words.toSpliced(index, 1));
  if (command.run !== undefined || mentions(words, "--help", "-h")) return { command, path, words };
  const names = command.subcommands.map((candidate) => candidate.name);
  const typed = words[index];
  const reason = typed === undefined ? `${path} needs one of: ${names.join(", ")}.` : `${path} has no command "${typed}"${suggestion(typed, names)}.`;
  throw usageError(path, reason);
}

function showCommandHelp({ command, path }: Found, session: Session): number {
  const { terminal } = session;
  return show(describeCommand(command, path), session, () => terminal.print(renderCommandHelp(command, path, terminal)));
}

async function runCommand({ command, path, words }: Found, session: Session): Promise<number> {
  const { options, positionals, problems } = readArguments(words, command);
  if (problems.length > 0) throw usageError(path, problems);
  const context: CommandContext = {
    ...session.host,
    terminal: session.terminal, json: session.json, verbose: session.verbose, command: path,
    // Read by the command's own tables just above, so they have the types those tables declare.
    options: options as CommandContext["options"], positionals: positionals as CommandContext["positionals"],
    usageError: (reason) => usageError(path, reason),
  };
  const result = await command.run?.(context);
  if (!isAsyncIterable(result)) return showResult(result, command, context);
  let code: number = EXIT.ok;
  for await (const item of result) code = Math.max(code, showResult(item, command, context, true));
  return code;
}

function showResult(result: unknown, command: Command, context: CommandContext, oneOfMany = false): number {
  if (context.json) context.stdout.write(toJson(result, oneOfMany ? 0 : 2));
  else if (command.render !== undefined) command.render(result, context);
  else if (result !== undefined) context.terminal.print(toJson(result, oneOfMany ? 0 : 2).trimEnd());
  return command.exitCode?.(result) ?? EXIT.ok;
}

function show(result: unknown, { host, json }: Session, render: () => void): number {
  if (json) host.stdout.write(toJson(result, 2));
  else render();
  return EXIT.ok;
}

function showError(thrown: unknown, { host, json, verbose }: Session): number {
  const interrupted = host.signal.aborted && isAbort(thrown);
  const error = interrupted ? new StrataError("ABORTED", { what: "The command" }, { cause: thrown }) : toStrataError(thrown);
  if (json) host.stdout.write(toJson({ error }, 2));
  const palette = createPalette(wantsColor(host.stderr, host.environment));
  host.stderr.write(interrupted && !verbose ? "interrupted\n" : `${renderError(error, { palette, verbose })}\n`);
  if (interrupted) return EXIT.interrupted;
  return error.code === "USAGE" ? EXIT.usage : EXIT.failure;
}

/** A cancelled wait, also when it was wrapped on the way up. */
function isAbort(thrown: unknown): boolean {
  for (let depth = 0, current = thrown; depth < 8 && current instanceof Error; depth++, current = current.cause) {
    if (current.name === "AbortError" || ("code" in current && current.code === "ABORTED")) return true;
  }
  return false;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** One JSON document and a line break; integers beyond 2^53 become strings, nothing at all becomes null. */
function toJson(value: unknown, indent: number): string {
  const text: string | undefined = JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== "bigint") return member;
    return Number.isSafeInteger(Number(member)) ? Number(member) : String(member);
  }, indent);
  return `${text ?? "null"}\n`;
}
