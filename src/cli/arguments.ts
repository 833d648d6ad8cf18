/**
 * From the words after a command's name to typed values, over node:util parseArgs. Pure: all problems of a command
 * line are found together and returned as one usage error; nothing is printed here.
 */
import { parseArgs } from "node:util";
import { StrataError, type Problem } from "../kernel/errors.ts";
import { defaultValue, flagName, readOptionValue, type Option, type OptionTable, type PositionalTable } from "./option.ts";
import { suggestion } from "./suggestion.ts";

/** Options that every command has. */
export const GLOBAL_OPTIONS = {
  help: { type: "boolean", short: "h", description: "Show this help" },
  json: { type: "boolean", description: "Print the result as one JSON document" },
  verbose: { type: "boolean", description: "Show the stack and the causes of an error" },
} as const satisfies OptionTable;

export interface ArgumentRules {
  readonly options: OptionTable;
  readonly positionals: PositionalTable;
}

export interface ParsedArguments {
  readonly options: Readonly<Record<string, unknown>>;
  readonly positionals: Readonly<Record<string, unknown>>;
  readonly problems: readonly Problem[];
}

/** Reads the words by the rules. Values are only meaningful when there are no problems. */
export function readArguments(words: readonly string[], rules: ArgumentRules): ParsedArguments {
  const table: OptionTable = { ...rules.options, ...GLOBAL_OPTIONS };
  const byFlag = new Map(Object.entries(table).map(([key, option]) => [flagName(key), { key, option }]));
  const problems: Problem[] = [];
  const given = new Map<string, (string | number | boolean)[]>();
  const mentioned = new Set<string>();
  const bare: string[] = [];

  for (const token of tokenize(words, table)) {
    if (token.kind === "positional") bare.push(token.value);
    if (token.kind !== "option") continue;
    const known = byFlag.get(token.name);
    if (known !== undefined) mentioned.add(known.key);
    const reading = known === undefined
      ? { problem: `is not an option of this command${suggestion(token.rawName, flagsOf(table))}` }
      : readToken(known.option, token);
    if ("problem" in reading) problems.push({ path: token.rawName, message: reading.problem });
    else if (known !== undefined) given.set(known.key, [...(given.get(known.key) ?? []), reading.value]);
  }
  for (const [key, option] of Object.entries(table)) {
    if (option.type !== "boolean" && option.required === true && !mentioned.has(key)) problems.push({ path: `--${flagName(key)}`, message: "is required" });
  }
  const options = collectOptions(table, given);
  const positionals = collectPositionals(rules.positionals, bare, problems);
  return { options, positionals, problems };
}

/** The usage error for problems of one command line; `command` is the whole path, "strata models show". */
export function usageError(command: string, problems: readonly Problem[] | string): StrataError {
  if (typeof problems === "string") return new StrataError("USAGE", { reason: problems, command });
  const [first] = problems;
  if (problems.length === 1 && first !== undefined) return new StrataError("USAGE", { reason: `${first.path} ${first.message}.`, command });
  return new StrataError("USAGE", { reason: `${problems.length} arguments are wrong:`, command }, { problems });
}

/** Where the first word stands that is neither an option nor an option's value; -1 when there is none. */
export function firstBareIndex(words: readonly string[], table: OptionTable): number {
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (word === "--") return -1;
    if (!word.startsWith("-") || word === "-") return index;
    if (takesNextWord(word, table)) index++;
  }
  return -1;
}

/** Whether a flag stands among the words before "--". */
export function mentions(words: readonly string[], ...flags: readonly string[]): boolean {
  const end = words.indexOf("--");
  return words.slice(0, end === -1 ? words.length : end).some((word) => flags.includes(word));
}

function takesNextWord(word: string, table: OptionTable): boolean {
  if (word.startsWith("--")) {
    return Object.entries(table).some(([key, option]) => option.type !== "boolean" && word === `--${flagName(key)}`);
  }
  const valueLetters = new Set(Object.values(table).filter((option) => option.type !== "boolean").map((option) => option.short));
  const letters = Array.from(word.slice(1));
  return letters.findIndex((letter) => valueLetters.has(letter)) === letters.length - 1;
}

interface OptionToken {
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function tokenize(words: readonly string[], table: OptionTable) {
  const options = Object.fromEntries(Object.entries(table).map(([key, option]) => [flagName(key), {
    type: option.type === "boolean" ? ("boolean" as const) : ("string" as const),
    ...(option.short === undefined ? {} : { short: option.short }),
  }]));
  // Not strict: this module reports all problems together, with suggestions, instead of the first.
  return parseArgs({ args: [...words], options, strict: false, allowPositionals: true, allowNegative: true, tokens: true }).tokens;
}

function readToken(option: Option, token: OptionToken): { readonly value: string | number | boolean } | { readonly problem: string } {
  const { rawName, value } = token;
  const negated = rawName.startsWith("--no-");
  if (option.type === "boolean") return value === undefined ? { value: !negated } : { problem: `takes no value, but was given "${value}"` };
  if (negated) return { problem: "cannot be negated, because it takes a value" };
  if (value === undefined) return { problem: "needs a value" };
  if (token.inlineValue !== true && looksLikeFlag(value)) return { problem: `needs a value; write ${rawName}=${value} if "${value}" is the value` };
  return readOptionValue(option, value);
}

/** "-5" and "-" are values, "--json" and "-x" are not. */
function looksLikeFlag(value: string): boolean {
  return value.startsWith("-") && value !== "-" && Number.isNaN(Number(value));
}

function collectOptions(table: OptionTable, given: ReadonlyMap<string, readonly (string | number | boolean)[]>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(table)) {
    const list = given.get(key) ?? [];
    if (list.length === 0) values[key] = defaultValue(option);
    else values[key] = option.type !== "boolean" && option.multiple === true ? list : list.at(-1);
  }
  return values;
}

function collectPositionals(table: PositionalTable, bare: readonly string[], problems: Problem[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  const rest = [...bare];
  for (const [name, positional] of Object.entries(table)) {
    const taken = positional.multiple === true ? rest.splice(0) : rest.splice(0, 1);
    values[name] = positional.multiple === true ? taken : taken[0];
    if (taken.length === 0 && positional.optional !== true) problems.push({ path: `<${name}>`, message: `is missing: ${positional.description}` });
  }
  for (const extra of rest) problems.push({ path: `"${extra}"`, message: "is one argument too many" });
  return values;
}

function flagsOf(table: OptionTable): readonly string[] {
  return Object.keys(table).map((key) => `--${flagName(key)}`);
}
