/**
 * Runs benches and writes what they found: bench/results/latest.json, and from it bench/RESULTS.md.
 *
 *   npm run bench -- [name ...] [--quick] [--json] [--runs 3] [--check] [--record] [--profile folder]
 */
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { openLoadGenerator } from "strata/testing";
import type { Bench, BenchContext } from "./bench.ts";
import { BENCHES } from "./catalogue.ts";
import { createPackages } from "./packages.ts";
import { describeMachine, loadNow } from "./report/machine.ts";
import { renderSummary } from "./report/summary.ts";
import { createSheet } from "./report/result.ts";
import type { BenchResult } from "./report/result.ts";
import { judgeBounds } from "./report/bounds.ts";
import { readBounds, recordBounds, saveResults } from "./report/files.ts";
import { createPreparedData } from "./servers/prepared-data.ts";

const USAGE = `usage: npm run bench -- [name ...] [options]

  ${BENCHES.map(({ name, title }) => `${name.padEnd(14)} ${title}`).join("\n  ")}

  --quick           small and short: shows that everything works, in under two minutes; the results are not kept
  --runs <number>   interleaved runs of every case (3; 1 when quick)
  --json            print the results as JSON
  --check           fail when a bound of bench/bounds.json is missed
  --record          write what was measured into bench/bounds.json
  --profile <folder>  leave CPU profiles of the servers there, one per case; see profile-summary.ts
`;

const { values: flags, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false }, json: { type: "boolean", default: false }, runs: { type: "string" }, check: { type: "boolean", default: false },
    record: { type: "boolean", default: false }, profile: { type: "string" }, help: { type: "boolean", default: false },
  },
});
const runs = flags.runs === undefined ? (flags.quick ? 1 : 3) : Number(flags.runs);
const unknown = names.filter((name) => !BENCHES.some((bench) => bench.name === name));
const startedAtMs = performance.now();
const say = (text: string): void => { process.stderr.write(`${((performance.now() - startedAtMs) / 1000).toFixed(0).padStart(4)} s  ${text}\n`); };

if (flags.help || unknown.length > 0 || !Number.isInteger(runs) || runs < 1) {
  process.stdout.write(unknown.length > 0 ? `there is no bench ${unknown.join(", ")}\n\n${USAGE}` : USAGE);
  process.exitCode = flags.help ? 0 : 2;
} else {
  process.exitCode = await runBenches(names.length === 0 ? BENCHES : BENCHES.filter((bench) => names.includes(bench.name)));
}

async function runBenches(chosen: readonly Bench[]): Promise<number> {
  if (flags.profile !== undefined) await mkdir(flags.profile, { recursive: true });
  const root = await mkdtemp(join(tmpdir(), "strata-bench-"));
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      rmSync(root, { recursive: true, force: true });
      process.exit(1); // the children end with this process
    });
  }
  try {
    const results: BenchResult[] = [];
    const shared = {
      isQuick: flags.quick, runs, say, seconds: (full: number) => (flags.quick ? Math.max(0.5, full / 8) : full),
      prepared: createPreparedData(join(root, "data"), flags.quick ? { purchases: 5_000, visitDays: 12 } : { purchases: 20_000, visitDays: 45 }, say),
      packages: createPackages(root, say),
    };
    for (const bench of chosen) results.push(await runBench(bench, { ...shared, folder: await mkdtemp(join(root, `${bench.name}-`)), profile: (caseName) => profileOf(bench, caseName) }));
    return await report(results);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

function profileOf({ name }: Bench, caseName: string): string | undefined {
  return flags.profile === undefined ? undefined : join(resolve(flags.profile), `${name} ${caseName}.cpuprofile`.replaceAll(/[^\w.-]+/g, "-"));
}

/** A bench that fails leaves what it found so far and does not stop the others. */
async function runBench(bench: Bench, shared: Omit<BenchContext, "sheet" | "note" | "generator">): Promise<BenchResult> {
  say(bench.title);
  const sheet = createSheet();
  const notes: string[] = [];
  const begunMs = performance.now();
  const loadBefore = loadNow();
  let problem: string | undefined;
  try {
    await using generator = openLoadGenerator();
    await bench.run({ ...shared, sheet, generator, note: (text) => notes.push(text) });
  } catch (thrown) {
    problem = thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown);
    say(`FAILED: ${problem}`);
  }
  return {
    name: bench.name, title: bench.title, configuration: [...bench.configuration], cases: sheet.cases(), notes, command: ["npm run bench", ...process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : []].join(" "),
    date: new Date().toISOString(), seconds: (performance.now() - begunMs) / 1000, machine: describeMachine(loadBefore), ...(problem === undefined ? {} : { problem }),
  };
}

async function report(results: readonly BenchResult[]): Promise<number> {
  const verdicts = judgeBounds(await readBounds(), results);
  if (flags.json) process.stdout.write(`${JSON.stringify({ results, verdicts }, null, 2)}\n`);
  else process.stdout.write(renderSummary(results, verdicts));
  const isKept = !flags.quick && flags.profile === undefined; // profiling slows the servers down
  if (isKept) await saveResults(results);
  if (flags.record && isKept) await recordBounds(results);
  const isBroken = results.some(({ problem }) => problem !== undefined);
  return isBroken || (flags.check && verdicts.some(({ isKept }) => isKept === false)) ? 1 : 0;
}
