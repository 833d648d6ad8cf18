/** Help as text and as data, made from the declarations alone; pure. */
import { GLOBAL_OPTIONS } from "./arguments.ts";
import type { Command } from "./command.ts";
import type { CommandEntry } from "./command-table.ts";
import { flagName, type Option, type OptionTable } from "./option.ts";
import type { Palette } from "./terminal/color.ts";
import { pad, displayWidth, wrap } from "./terminal/width.ts";

/** Longer lines are hard to read; 100 columns at most also on a wide screen. */
const READABLE_WIDTH = 100;
/** A left column wider than this moves its description to the next line. */
const LEFT_MOST = 34;

export interface HelpLayout {
  readonly palette: Palette;
  readonly width?: number | undefined;
}

type Entry = readonly [left: string, right: string];

/** Help of one command; `path` is what a person types to reach it, "strata models show". */
export function renderCommandHelp(command: Command, path: string, layout: HelpLayout): string {
  const { palette } = layout;
  const positionals = Object.entries(command.positionals).map(([name, positional]): Entry => [`<${name}>`, positional.description]);
  const examples = command.examples.map((example) => `  ${palette.cyan(`$ ${example.command}`)}\n${wrapIndented(example.note, 4, layout)}`);
  return [
    `${palette.bold(path)}  ${command.summary}`,
    section("Usage", usageLines(command, path).map((line) => `  ${line}`).join("\n"), palette),
    wrapIndented(command.description, 0, layout),
    section("Commands", entries(command.subcommands.map((subcommand) => [subcommand.name, subcommand.summary]), layout), palette),
    section("Arguments", entries(positionals, layout), palette),
    section("Options", entries(optionEntries({ ...command.options, ...GLOBAL_OPTIONS }), layout), palette),
    section("Examples", examples.join("\n"), palette),
  ].filter((part) => part !== "").join("\n\n");
}

export interface ProgramHelp {
  readonly version: string;
  readonly groups: readonly string[];
  readonly commands: readonly CommandEntry[];
}

/** The front page: commands grouped by task. */
export function renderProgramHelp({ version, groups, commands }: ProgramHelp, layout: HelpLayout): string {
  const { palette } = layout;
  const nameWidth = Math.max(0, ...commands.map((command) => command.name.length));
  const lists = groups.map((group) => {
    const members = commands.filter((command) => command.group === group);
    return section(group, entries(members.map((command) => [command.name.padEnd(nameWidth), command.summary]), layout), palette);
  });
  return [
    `${palette.bold("strata")} ${version}  the AI-native cloud you install from npm`,
    section("Usage", "  strata <command> [arguments] [options]", palette),
    ...lists,
    section("Options", entries([...optionEntries(GLOBAL_OPTIONS), ["-v, --version", "Show the version"]], layout), palette),
    "Run `strata <command> --help` for the arguments, options and examples of a command.",
  ].filter((part) => part !== "").join("\n\n");
}

/** Help as plain data, for `--help --json`. */
export function describeCommand(command: Command, path: string): Readonly<Record<string, unknown>> {
  return {
    command: path, summary: command.summary, description: command.description, usage: usageLines(command, path),
    arguments: Object.entries(command.positionals).map(([name, positional]) => ({ name, ...positional })),
    options: Object.entries({ ...command.options, ...GLOBAL_OPTIONS }).map(([key, option]) => ({ flag: `--${flagName(key)}`, ...option })),
    examples: command.examples,
    subcommands: command.subcommands.map((subcommand) => describeCommand(subcommand, `${path} ${subcommand.name}`)),
  };
}

function usageLines(command: Command, path: string): readonly string[] {
  if (command.usage !== undefined) return [`strata ${command.usage}`];
  const words = Object.entries(command.positionals).map(([name, { optional, multiple }]) => {
    const word = `<${name}>${multiple === true ? "..." : ""}`;
    return optional === true ? `[${word}]` : word;
  });
  const required = Object.entries(command.options).flatMap(([key, option]) => (option.type !== "boolean" && option.required === true ? [`--${flagName(key)} ${placeholderOf(option)}`] : []));
  return [
    ...(command.run === undefined ? [] : [[path, ...words, ...required, "[options]"].join(" ")]),
    ...(command.subcommands.length === 0 ? [] : [`${path} <command> [options]`]),
  ];
}

function optionEntries(options: OptionTable): readonly Entry[] {
  return Object.entries(options).map(([key, option]) => {
    const short = option.short === undefined ? "    " : `-${option.short}, `;
    const negatable = option.type === "boolean" && option.default === true ? "[no-]" : "";
    const value = option.type === "boolean" ? "" : ` ${placeholderOf(option)}`;
    return [`${short}--${negatable}${flagName(key)}${value}`, option.description + remarkOf(option)];
  });
}

function placeholderOf(option: Exclude<Option, { type: "boolean" }>): string {
  if (option.placeholder !== undefined) return `<${option.placeholder}>`;
  return option.type === "enum" ? `<${option.values.join("|")}>` : `<${option.type === "string" ? "text" : option.type}>`;
}

function remarkOf(option: Option): string {
  const remarks = [
    ...(option.type === "enum" && option.placeholder !== undefined ? [`one of ${option.values.join(", ")}`] : []),
    ...(option.type !== "boolean" && option.required === true ? ["required"] : []),
    ...(option.type !== "boolean" && option.multiple === true ? ["may be repeated"] : []),
    ...(option.default === undefined || option.default === false ? [] : [`default ${option.default === true ? "on" : option.default}`]),
  ];
  return remarks.length === 0 ? "" : ` (${remarks.join("; ")})`;
}

function section(title: string, body: string, palette: Palette): string {
  return body === "" ? "" : `${palette.bold(title)}\n${body}`;
}

/** Two columns; a description that does not fit continues under itself. */
function entries(list: readonly Entry[], layout: HelpLayout): string {
  const leftWidth = Math.min(LEFT_MOST, Math.max(0, ...list.map(([left]) => displayWidth(left))));
  return list.map(([left, right]) => {
    const lines = wrapIndented(right, leftWidth + 4, layout);
    return displayWidth(left) > leftWidth ? `  ${left}\n${lines}` : `  ${pad(left, leftWidth)}  ${lines.trimStart()}`;
  }).join("\n");
}

function wrapIndented(text: string, indent: number, { width }: HelpLayout): string {
  const available = Math.max(24, Math.min(width ?? READABLE_WIDTH, READABLE_WIDTH) - indent);
  return wrap(text, available).map((line) => (line === "" ? "" : " ".repeat(indent) + line)).join("\n");
}
