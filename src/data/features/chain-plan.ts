/**
 * The windows of a view, sorted into chains: windows that end together. All sliding ones end at the time of the read,
 * hopping ones with the last window that has ended, sessions with the latest event. Within a chain a longer window
 * holds the shorter ones.
 */
import type { AggregationNode, WindowNode } from "../../define/index.ts";
import { canonicalJson } from "../../kernel/hash.ts";

export interface PlannedWindow {
  /** Index of its chain. */
  readonly chain: number;
  /** How far it reaches back from the chain's end, in ms, or in days of a calendar. */
  readonly length: number;
  readonly isLifetime: boolean;
}

export type PlannedChain = {
  /** Its windows: `[from, to)` of the plan's. */
  readonly from: number;
  readonly to: number;
} & (
  | { readonly kind: "sliding" }
  | { readonly kind: "hopping"; readonly everyMs: number; readonly offsetMs: number }
  | { readonly kind: "calendar"; readonly everyDays: number; readonly offsetDays: number; readonly timeZone: string }
  | { readonly kind: "session"; readonly gapMs: number }
);

export interface ChainPlan {
  readonly chains: readonly PlannedChain[];
  readonly windows: readonly PlannedWindow[];
  windowOf(node: AggregationNode): number;
  /** How far before the time of a read any window but the entity's life reaches. */
  readonly keepMs: number;
}

const DAY_MS = 86_400_000;
/** What a calendar day may be longer than 24 hours; zones that crossed the date line had one of 48. */
const LONGEST_DAY_MS = 2 * DAY_MS;

/** Chains in the order in which their first window appears; the sliding one first. */
export function planChains(nodes: readonly AggregationNode[]): ChainPlan {
  const lengthsByChain = new Map<string, { readonly node: AggregationNode; readonly lengths: Set<number> }>();
  for (const node of nodes.toSorted((a, b) => Number(a.window !== undefined) - Number(b.window !== undefined))) {
    const key = chainKey(node.window);
    const chain = lengthsByChain.get(key) ?? { node, lengths: new Set<number>() };
    lengthsByChain.set(key, chain);
    chain.lengths.add(lengthOf(node));
  }
  const windows: PlannedWindow[] = [];
  const places = new Map<string, number>();
  const chains = [...lengthsByChain].map(([key, { node, lengths }], chain): PlannedChain => {
    const from = windows.length;
    for (const length of [...lengths].toSorted((a, b) => a - b)) {
      places.set(`${key} ${length}`, windows.length);
      windows.push({ chain, length, isLifetime: length === Number.POSITIVE_INFINITY });
    }
    return { from, to: windows.length, ...endOf(node.window) };
  });
  return {
    chains, windows,
    windowOf: (node) => places.get(`${chainKey(node.window)} ${lengthOf(node)}`)!, // every node was placed above
    keepMs: Math.max(0, ...nodes.map(reachOf).filter(Number.isFinite)),
  };
}

type ChainEnd = { [Kind in PlannedChain["kind"]]: Omit<Extract<PlannedChain, { readonly kind: Kind }>, "from" | "to"> }[PlannedChain["kind"]];

function endOf(window: WindowNode | undefined): ChainEnd {
  switch (window?.kind) {
    case undefined: return { kind: "sliding" };
    case "hopping": return { kind: "hopping", everyMs: window.everyMs, offsetMs: window.sizeMs % window.everyMs };
    case "calendar": return { kind: "calendar", everyDays: window.everyDays, offsetDays: window.days % window.everyDays, timeZone: window.timeZone };
    case "session": return { kind: "session", gapMs: window.gapMs };
  }
}

const chainKey = (window: WindowNode | undefined): string => canonicalJson(endOf(window));

function lengthOf({ windowMs, window }: AggregationNode): number {
  switch (window?.kind) {
    case undefined: return windowMs ?? Number.POSITIVE_INFINITY;
    case "hopping": return window.sizeMs;
    case "calendar": return window.days;
    case "session": return window.atMostMs;
  }
}

/** The oldest event a window can hold, in ms before the read. */
function reachOf({ windowMs, window }: AggregationNode): number {
  switch (window?.kind) {
    case undefined: return windowMs ?? Number.POSITIVE_INFINITY;
    case "hopping": return window.sizeMs + window.everyMs;
    case "calendar": return (window.days + window.everyDays) * DAY_MS + LONGEST_DAY_MS;
    case "session": return window.atMostMs;
  }
}
