/** The files of the benches: bounds.json, results/latest.json and RESULTS.md. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "strata";
import { boundsSchema, judgeBounds, recordMeasurements } from "./bounds.ts";
import type { Bound } from "./bounds.ts";
import { renderResults } from "./markdown.ts";
import { benchResultSchema } from "./result.ts";
import type { BenchResult } from "./result.ts";

const folder = join(import.meta.dirname, "..");
const BOUNDS = join(folder, "bounds.json");
const LATEST = join(folder, "results", "latest.json");

export async function readBounds(): Promise<readonly Bound[]> {
  return boundsSchema.parse(JSON.parse(await readFile(BOUNDS, "utf8")));
}

/** Replaces the results of the benches that ran, keeps the others, and writes the page anew. */
export async function saveResults(results: readonly BenchResult[]): Promise<void> {
  const known = await readLatest();
  const fresh = new Map(results.map((result) => [result.name, result]));
  const kept = known.map((result) => fresh.get(result.name) ?? result);
  const all = [...kept, ...results.filter(({ name }) => kept.every((result) => result.name !== name))];
  await mkdir(join(folder, "results"), { recursive: true });
  await writeFile(LATEST, `${JSON.stringify(all, null, 2)}\n`);
  const bounds = (await readBounds()).filter(({ bench }) => all.some(({ name }) => name === bench)); // the comparisons with peers have a page of their own
  await writeFile(join(folder, "RESULTS.md"), renderResults(all, judgeBounds(bounds, all)));
}

async function readLatest(): Promise<readonly BenchResult[]> {
  try {
    return z.array(benchResultSchema).parse(JSON.parse(await readFile(LATEST, "utf8")));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw thrown;
  }
}

export async function recordBounds(results: readonly BenchResult[]): Promise<void> {
  await writeFile(BOUNDS, `${JSON.stringify(recordMeasurements(await readBounds(), results), null, 2)}\n`);
}
