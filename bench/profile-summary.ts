/**
 * The hot spots of CPU profiles that `npm run bench -- <name> --profile <folder>` left: self time by function, and by
 * file, with idle time left out.
 *
 *   node bench/profile-summary.ts <file.cpuprofile> [...] [--top 30]
 */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { parseArgs } from "node:util";

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Idle, and the profiler itself. */
const NOT_WORK = /^\((?:idle|program|root)\)|node:inspector/;

/** Self and total milliseconds by place. */
function timesOf({ nodes, samples, timeDeltas }: CpuProfile, placeOf: (node: ProfileNode) => string): ReadonlyMap<string, { selfMs: number; totalMs: number }> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  const selfOfNode = new Map<number, number>();
  for (const [index, id] of samples.entries()) selfOfNode.set(id, (selfOfNode.get(id) ?? 0) + timeDeltas[index]! / 1000);
  const times = new Map<string, { selfMs: number; totalMs: number }>();
  for (const [id, ms] of selfOfNode) {
    const seen = new Set<string>(); // a recursive place counts once
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const place = placeOf(byId.get(at)!);
      if (seen.has(place)) continue;
      seen.add(place);
      const entry = times.get(place) ?? { selfMs: 0, totalMs: 0 };
      entry.totalMs += ms;
      if (at === id) entry.selfMs += ms;
      times.set(place, entry);
    }
  }
  return times;
}

const shortened = (url: string): string => url.replace(/^file:\/\/.*?\/(?=(src|node_modules|bench|examples)\/)/, "");
const functionOf = ({ callFrame }: ProfileNode): string => `${callFrame.functionName || "(anonymous)"} ${callFrame.url === "" ? "" : `${shortened(callFrame.url)}:${callFrame.lineNumber + 1}`}`;
const fileOf = ({ callFrame }: ProfileNode): string => (callFrame.url === "" ? callFrame.functionName : shortened(callFrame.url));

function table(title: string, times: ReadonlyMap<string, { selfMs: number; totalMs: number }>, top: number): string {
  const busy = [...times].filter(([place]) => !NOT_WORK.test(place));
  const allMs = busy.reduce((sum, [, { selfMs }]) => sum + selfMs, 0);
  const share = (ms: number): string => `${((100 * ms) / allMs).toFixed(1).padStart(5)} %`;
  const rows = busy.toSorted(([, a], [, b]) => b.selfMs - a.selfMs).slice(0, top).map(([place, { selfMs, totalMs }]) => `  ${share(selfMs)} self ${share(totalMs)} with callees  ${place}`);
  return [`${title}, ${Math.round(allMs)} ms busy`, ...rows, ""].join("\n");
}

const { values: { top }, positionals } = parseArgs({ allowPositionals: true, options: { top: { type: "string", default: "30" } } });
for (const path of positionals) {
  const profile = JSON.parse(await readFile(path, "utf8")) as CpuProfile; // V8 wrote it
  process.stdout.write(`${basename(path)}\n${table("By function", timesOf(profile, functionOf), Number(top))}${table("By file", timesOf(profile, fileOf), Number(top))}`);
}
