/**
 * JSON as Python's `json` module reads it, for the bodies that JSON.parse refuses: Feast's clients send NaN and
 * Infinity, and a body that is no JSON is answered with Python's own words and position (CPython, Lib/json/decoder.py
 * and scanner.py). Only the slow path comes here.
 */

export type PythonJson =
  | { readonly value: unknown }
  | { readonly error: string; readonly position: number };

class Refusal extends Error {
  readonly position: number;
  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

/** NaN and infinities become null: no column of ours can hold them. */
export function parsePythonJson(text: string): PythonJson {
  try {
    const start = skipSpace(text, 0);
    const [value, end] = readValue(text, start, 0);
    const rest = skipSpace(text, end);
    if (rest < text.length) throw new Refusal("Extra data", rest);
    return { value };
  } catch (thrown) {
    if (thrown instanceof Refusal) return { error: thrown.message, position: thrown.position };
    throw thrown;
  }
}

type Read = readonly [value: unknown, end: number];

/** As JSON bodies elsewhere: far beyond any real request, far within what a recursion can take. */
const MAX_DEPTH = 100;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORDS: readonly (readonly [string, unknown])[] = [["null", null], ["true", true], ["false", false], ["NaN", null], ["Infinity", null], ["-Infinity", null]];

function readValue(text: string, at: number, depth: number): Read {
  if (depth > MAX_DEPTH) throw new Refusal("Expecting value", at);
  const first = text[at];
  if (first === "\"") return readString(text, at + 1);
  if (first === "{") return readObject(text, at + 1, depth);
  if (first === "[") return readArray(text, at + 1, depth);
  const word = WORDS.find(([name]) => text.startsWith(name, at));
  if (word !== undefined) return [word[1], at + word[0].length];
  NUMBER.lastIndex = at;
  const number = NUMBER.exec(text);
  if (number === null) throw new Refusal("Expecting value", at);
  return [Number(number[0]), NUMBER.lastIndex];
}

function readObject(text: string, start: number, depth: number): Read {
  const result: Record<string, unknown> = {};
  let at = skipSpace(text, start);
  if (text[at] === "}") return [result, at + 1];
  for (;;) {
    if (text[at] !== "\"") throw new Refusal("Expecting property name enclosed in double quotes", at);
    const [name, afterName] = readString(text, at + 1);
    const colon = skipSpace(text, afterName);
    if (text[colon] !== ":") throw new Refusal("Expecting ':' delimiter", colon);
    const [value, end] = readValue(text, skipSpace(text, colon + 1), depth + 1);
    Object.defineProperty(result, String(name), { value, enumerable: true, configurable: true, writable: true }); // "__proto__" is a name like any other
    const next = skipSpace(text, end);
    if (text[next] === "}") return [result, next + 1];
    if (text[next] !== ",") throw new Refusal("Expecting ',' delimiter", next);
    at = skipSpace(text, next + 1);
  }
}

function readArray(text: string, start: number, depth: number): Read {
  const result: unknown[] = [];
  let at = skipSpace(text, start);
  if (text[at] === "]") return [result, at + 1];
  for (;;) {
    const [value, end] = readValue(text, at, depth + 1);
    result.push(value);
    const next = skipSpace(text, end);
    if (text[next] === "]") return [result, next + 1];
    if (text[next] !== ",") throw new Refusal("Expecting ',' delimiter", next);
    at = skipSpace(text, next + 1);
  }
}

const ESCAPES: Readonly<Record<string, string>> = { "\"": "\"", "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

function readString(text: string, start: number): Read {
  let result = "";
  for (let at = start; at < text.length; at++) {
    const character = text[at]!;
    if (character === "\"") return [result, at + 1];
    if (character < " ") throw new Refusal("Invalid control character at", at);
    if (character !== "\\") {
      result += character;
      continue;
    }
    const escape = text[at + 1];
    if (escape === undefined) break;
    if (escape === "u") {
      const digits = text.slice(at + 2, at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw new Refusal("Invalid \\uXXXX escape", at + 1);
      result += String.fromCharCode(Number.parseInt(digits, 16));
      at += 5;
    } else {
      const plain = ESCAPES[escape];
      if (plain === undefined) throw new Refusal("Invalid \\escape", at);
      result += plain;
      at += 1;
    }
  }
  throw new Refusal("Unterminated string starting at", start - 1);
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && (text[at] === " " || text[at] === "\n" || text[at] === "\t" || text[at] === "\r")) at++;
  return at;
}
