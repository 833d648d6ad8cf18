/** Samples this process once a second of real time: memory, CPU, event loop, and the history behind the console's charts. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Application } from "../define/index.ts";
import { systemClock } from "../kernel/clock.ts";
import type { TelemetryStore } from "../observe/index.ts";
import type { EventLog } from "../ports/event-log.ts";
import { latencySeries } from "./latency-series.ts";
import type { EndpointOverview, ProcessOverview } from "../protocols/admin/overview.ts";

export interface ProcessSampler extends Disposable {
  process(): ProcessOverview;
  /** Events per second of each stream over the last 10 s. */
  eventsPerSecond(stream: string): number;
  history(endpoint: string): EndpointOverview["history"];
}

export interface SamplerSources {
  /** Next offset by stream. */
  readonly offsets: () => Readonly<Record<string, number>>;
  /** Requests so far and rolling latencies by endpoint. */
  readonly endpoints: () => Readonly<Record<string, { readonly requestsPerSecond: number; readonly p50Ms: number; readonly p99Ms: number }>>;
}

export interface SampledParts {
  readonly log: EventLog;
  readonly telemetry: TelemetryStore;
  readonly application: () => Application;
}

/** A sampler over the running parts. */
export function openSampler({ log, telemetry, application }: SampledParts): ProcessSampler {
  return startProcessSampler({
    offsets: () => Object.fromEntries([...application().streams.keys()].map((stream) => [stream, log.statistics(stream).nextOffset])),
    endpoints: () => Object.fromEntries([...latencySeries(telemetry)].map(([endpoint, series]) =>
      [endpoint, { requestsPerSecond: series.perSecond.last1s, p50Ms: (series.rolling.p50 ?? 0) * 1000, p99Ms: (series.rolling.p99 ?? 0) * 1000 }])),
  });
}

const HISTORY_SAMPLES = 300;
const RATE_SAMPLES = 10;

export function startProcessSampler(sources: SamplerSources): ProcessSampler {
  const startedAtWallMs = systemClock.now();
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const history = new Map<string, EndpointOverview["history"][number][]>();
  const offsets: Readonly<Record<string, number>>[] = [];
  let cpu = process.cpuUsage();
  let sampledAtMs = systemClock.monotonicMs();
  let cpuShare = 0;
  let eventLoopP99Ms = 0;

  const sample = (): void => {
    const nowMs = systemClock.monotonicMs();
    const used = process.cpuUsage(cpu);
    cpuShare = (used.user + used.system) / 1000 / Math.max(1, nowMs - sampledAtMs);
    cpu = process.cpuUsage();
    sampledAtMs = nowMs;
    eventLoopP99Ms = Math.max(0, delay.percentile(99) / 1e6 - 10); // the histogram includes its own resolution
    delay.reset();
    offsets.push(sources.offsets());
    if (offsets.length > RATE_SAMPLES + 1) offsets.shift();
    for (const [endpoint, now] of Object.entries(sources.endpoints())) {
      const samples = history.get(endpoint) ?? [];
      samples.push({ atWallMs: systemClock.now(), ...now });
      if (samples.length > HISTORY_SAMPLES) samples.shift();
      history.set(endpoint, samples);
    }
  };
  const timer = setInterval(sample, 1_000);
  timer.unref();

  return {
    process: () => ({ startedAtWallMs, rssBytes: process.memoryUsage.rss(), cpuShare, eventLoopP99Ms, node: process.versions.node }),
    eventsPerSecond: (stream) => {
      const [first, last] = [offsets[0]?.[stream], offsets.at(-1)?.[stream]];
      return first === undefined || last === undefined || offsets.length < 2 ? 0 : (last - first) / (offsets.length - 1);
    },
    history: (endpoint) => history.get(endpoint) ?? [],
    [Symbol.dispose]: () => {
      clearInterval(timer);
      delay.disable();
    },
  };
}
