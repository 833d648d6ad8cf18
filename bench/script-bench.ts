/**
 * Benches that are programs of their own and print JSON lines: each runs in a new process, so that the memory of one
 * is not the memory of another. Text fields name the case; numbers are its metrics.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import type { Bench } from "./bench.ts";
import type { Sheet } from "./report/result.ts";

export interface ScriptBench {
  readonly name: string;
  readonly title: string;
  readonly configuration: readonly string[];
  /** File beside this one. */
  readonly script: string;
  readonly args?: readonly string[];
  readonly quickArgs: readonly string[];
}

const LIMIT_MS = 300_000;

export function scriptBench({ name, title, configuration, script, args = [], quickArgs }: ScriptBench): Bench {
  return {
    name, title, configuration,
    run: async ({ isQuick, runs, sheet, say }) => {
      for (let run = 0; run < runs; run++) {
        say(`${script}, run ${run + 1} of ${runs}`);
        for (const line of await linesOf(script, isQuick ? quickArgs : args)) recordLine(sheet, title, line);
      }
    },
  };
}

function linesOf(script: string, args: readonly string[]): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ["--conditions=source", join(import.meta.dirname, script), ...args], { timeout: LIMIT_MS, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.split("\n").filter((line) => line.startsWith("{")));
      else reject(new Error(`bench/${script} failed${error.killed === true ? ` after ${LIMIT_MS / 1000} s` : ""}: ${stderr.trim().split("\n").slice(-3).join(" ") || error.message}`));
    });
  });
}

/** [end of the field's name, unit]; rates keep their name. */
const UNITS = [["Microseconds", "µs"], ["Ms", "ms"], ["Us", "µs"], ["MiB", "MiB"], ["Bytes", "bytes"]] as const;
const NUMERIC = /^-?\d+(?:\.\d+)?$/;

export function recordLine(sheet: Sheet, title: string, line: string): void {
  const fields = Object.entries(JSON.parse(line) as Readonly<Record<string, unknown>>); // it begins with "{"
  const texts = fields.flatMap(([, value]) => (typeof value === "string" && !NUMERIC.test(value) ? [value] : []));
  for (const [field, text] of fields) {
    const value = typeof text === "string" && NUMERIC.test(text) ? Number(text) : text;
    if (typeof value !== "number") continue;
    const [ending = "", unit = ""] = UNITS.find(([end]) => field.endsWith(end)) ?? [];
    sheet.add(texts.join(", ") || title, words(field.slice(0, field.length - ending.length)), unit, value);
  }
}

/** peakMemory → "peak memory" */
const words = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
