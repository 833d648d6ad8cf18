/**
 * Options and positionals of a command as data, the types of their values, and reading one value from its text.
 * The key `dataDir` is the flag `--data-dir`; durations become milliseconds.
 */
import { durationMs, type Duration } from "../kernel/duration.ts";
import { suggestion } from "./suggestion.ts";

interface OptionBase {
  readonly description: string;
  /** One letter: "p" for `-p`. */
  readonly short?: string;
}

interface ValueOption extends OptionBase {
  /** What help shows for the value: `--port <number>`. */
  readonly placeholder?: string;
  readonly required?: boolean;
  /** May be repeated; the value is a list. */
  readonly multiple?: boolean;
}

export interface BooleanOption extends OptionBase {
  readonly type: "boolean";
  /** Default false. Switched off with `--no-<flag>`. */
  readonly default?: boolean;
}

export interface StringOption extends ValueOption {
  readonly type: "string";
  readonly default?: string;
}

export interface NumberOption extends ValueOption {
  readonly type: "number";
  readonly default?: number;
  readonly integer?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface DurationOption extends ValueOption {
  readonly type: "duration";
  readonly default?: Duration;
}

export interface EnumOption extends ValueOption {
  readonly type: "enum";
  readonly values: readonly string[];
  readonly default?: string;
}

export type Option = BooleanOption | StringOption | NumberOption | DurationOption | EnumOption;
export type OptionTable = Readonly<Record<string, Option>>;

export interface Positional {
  readonly description: string;
  /** May be left out; only after all that may not. */
  readonly optional?: boolean;
  /** Takes all that follow; only the last. The value is a list. */
  readonly multiple?: boolean;
}

/** In the order they are written on the command line. */
export type PositionalTable = Readonly<Record<string, Positional>>;

type SingleValue<O extends Option> =
  O extends { readonly type: "boolean" } ? boolean
  : O extends { readonly type: "number" | "duration" } ? number
  : O extends { readonly type: "enum"; readonly values: readonly (infer Value)[] } ? Value
  : string;

export type OptionValue<O extends Option> =
  O extends { readonly multiple: true } ? readonly SingleValue<O>[]
  : O extends { readonly type: "boolean" } | { readonly required: true } | { readonly default: string | number } ? SingleValue<O>
  : SingleValue<O> | undefined;

export type OptionValues<Options extends OptionTable> = { readonly [Name in keyof Options]: OptionValue<Options[Name]> };

type PositionalValue<P extends Positional> =
  P extends { readonly multiple: true } ? readonly string[]
  : P extends { readonly optional: true } ? string | undefined
  : string;

export type PositionalValues<Positionals extends PositionalTable> = { readonly [Name in keyof Positionals]: PositionalValue<Positionals[Name]> };

/** `dataDir` → "data-dir". */
export function flagName(key: string): string {
  return key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A read value, or what is wrong with its text as the end of a sentence that begins with the flag. */
export type Reading = { readonly value: string | number } | { readonly problem: string };

/** Reads the text of an option that takes a value. */
export function readOptionValue(option: Exclude<Option, BooleanOption>, text: string): Reading {
  if (option.type === "number") return readNumber(option, text);
  if (option.type === "duration") return readDuration(text);
  return option.type === "enum" ? readEnum(option, text) : { value: text };
}

/** The value of an option that was not given. */
export function defaultValue(option: Option): boolean | number | string | readonly never[] | undefined {
  if (option.type === "boolean") return option.default ?? false;
  if (option.multiple === true) return [];
  if (option.type === "duration") return option.default === undefined ? undefined : durationMs(option.default);
  return option.default;
}

function readNumber(option: NumberOption, text: string): Reading {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const kind = option.integer === true ? "a whole number" : "a number";
  if (!Number.isFinite(value) || (option.integer === true && !Number.isSafeInteger(value))) return { problem: `needs ${kind}, not "${text}"` };
  if (option.minimum !== undefined && value < option.minimum) return { problem: `must be at least ${option.minimum}, not ${text}` };
  if (option.maximum !== undefined && value > option.maximum) return { problem: `must be at most ${option.maximum}, not ${text}` };
  return { value };
}

function readDuration(text: string): Reading {
  try {
    return { value: durationMs(text) };
  } catch {
    return { problem: `needs a duration such as 250ms, 30s, 15m, 6h or 7d, not "${text}"` };
  }
}

function readEnum(option: EnumOption, text: string): Reading {
  if (option.values.includes(text)) return { value: text };
  return { problem: `must be one of ${option.values.join(", ")}, not "${text}"${suggestion(text, option.values)}` };
}
