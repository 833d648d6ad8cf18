/** What this page has seen since it was opened: the history of figures that the server reports only as of now. */
import type { Overview } from "../../src/protocols/admin/overview.ts";

export interface ObservedSample {
  readonly atWallMs: number;
  readonly eventsPerSecond: number;
  readonly requestsPerSecond: number;
  readonly cpuShare: number;
  readonly rssBytes: number;
  readonly eventLoopP99Ms: number;
  readonly streams: Readonly<Record<string, number>>;
}

/** Five minutes of one sample per second, as long as the server's own histories. */
export const OBSERVED_SAMPLES = 300;

export function observe(history: readonly ObservedSample[], { streams, endpoints, process }: Overview, atWallMs: number): readonly ObservedSample[] {
  const sample: ObservedSample = {
    atWallMs, cpuShare: process.cpuShare, rssBytes: process.rssBytes, eventLoopP99Ms: process.eventLoopP99Ms,
    eventsPerSecond: sumOf(streams.map((stream) => stream.eventsPerSecond)),
    requestsPerSecond: sumOf(endpoints.map((endpoint) => endpoint.requestsPerSecond)),
    streams: Object.fromEntries(streams.map((stream) => [stream.name, stream.eventsPerSecond])),
  };
  return [...history.slice(1 - OBSERVED_SAMPLES), sample];
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
