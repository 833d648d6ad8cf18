/**
 * One worker of a group that shares the partitions of the definition's streams: takes events for any partition, computes
 * the views of the partitions it holds, answers feature reads for all of them. Every worker is alike, so any address of
 * the group will do; what must be agreed on is in the leases (database) and in the online store.
 */
import { createEventDecoder, createIngestion, createPartitionReader, createPartitionWorker, createPartitionedLog, openLeaseBook, planPartitions, runUnit } from "../data/index.ts";
import type { PartitionWorker, UnitStatus } from "../data/index.ts";
import type { Application } from "../define/index.ts";
import { systemClock } from "../kernel/clock.ts";
import type { Clock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";
import { createIdSource } from "../kernel/ids.ts";
import { createLogStore, createTelemetryStore } from "../observe/index.ts";
import type { LogLine } from "../observe/index.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { OnlineStore } from "../ports/online-store.ts";
import type { SqlDatabase } from "../ports/sql.ts";
import type { Config } from "./config.ts";
import { openHttpListener } from "./http-listener.ts";
import { createWorkerDoor } from "./worker-door.ts";

/** What all workers of a group share. */
export interface WorkerEngines {
  readonly log: EventLog;
  readonly database: SqlDatabase;
  readonly online: OnlineStore;
}

export interface WorkerOptions {
  readonly application: Application;
  /** Open; they stay open. */
  readonly engines: WorkerEngines;
  readonly config: Pick<Config, "host" | "port" | "listeners" | "maxBodyBytes" | "maxPendingBytes" | "dedupeRecords" | "logLevel">;
  /** Workers of one group share the partitions; a definition that runs twice on the same servers needs two. Default: the application's name. */
  readonly group?: string;
  /** Default: drawn. */
  readonly name?: string;
  /** A worker that says nothing for so long is taken for dead. Default 5000. */
  readonly leaseMs?: number;
  readonly clock?: Clock;
  readonly logSink?: (line: LogLine) => void;
}

export interface Worker extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  readonly group: string;
  status(): readonly UnitStatus[];
  close(): Promise<void>;
}

const LEASE_MS = 5_000;
const CLOSE_DEADLINE_MS = 5_000;

/** REQUEST_INVALID when no stream of the definition has a key. */
export async function openWorker({ application, engines, config, group = application.name, clock = systemClock, leaseMs: ttlMs = LEASE_MS, ...options }: WorkerOptions): Promise<Worker> {
  const { log, database, online } = engines;
  const units = planPartitions(application);
  if (units.length === 0) throw new StrataError("REQUEST_INVALID", { reason: "No stream of the definition has a key, so there is nothing that workers could share. Give one: defineStream(\"clicks\", { …, key: \"customer\", partitions: 8 })." });
  await using stack = new AsyncDisposableStack();
  const logger = createLogStore({ clock: systemClock, level: config.logLevel });
  if (options.logSink) stack.defer(logger.subscribe(options.logSink));
  const telemetry = createTelemetryStore({ clock: systemClock });
  const ids = createIdSource(clock, Math.random);
  const name = options.name ?? `worker-${ids.next()}`;
  const streams = (): Application["streams"] => application.streams;

  const stored = telemetry.counter("strata_partition_events_total", "Events whose effects this worker stored");
  const freshness = telemetry.histogram("strata_feature_freshness_seconds", "Seconds from an event's arrival until features show it");
  const run: Parameters<typeof createPartitionWorker>[0]["run"] = (unit, epoch) => runUnit({
    unit, epoch, log, store: online, clock, logger, dedupeRecords: config.dedupeRecords,
    onStored: (events, ageMs) => {
      stored.add(events, { unit: unit.name });
      freshness.record(Math.max(0, ageMs) / 1_000);
    },
  });

  const ingestion = createIngestion({
    log: createPartitionedLog(log, streams), streams, clock, ids, meter: telemetry, logger, decoder: createEventDecoder({ maxCachedRows: 0 }),
    maxPendingBytes: config.maxPendingBytes, dedupeRecords: config.dedupeRecords,
  });
  await ingestion.start(new AbortController().signal);
  stack.defer(() => ingestion.stop(CLOSE_DEADLINE_MS));
  let members: PartitionWorker | undefined;
  const door = createWorkerDoor({
    application, ingestion, reader: createPartitionReader({ log, store: online, clock }), clock, name, group, log,
    units: () => members?.status() ?? [], leases: () => leases.all(), metrics: () => telemetry.snapshot(),
  });
  const listener = await openHttpListener({ host: config.host, port: config.port, listeners: config.listeners, maxBodyBytes: config.maxBodyBytes, handle: door });
  stack.defer(() => listener.close(CLOSE_DEADLINE_MS));
  const url = `http://${config.host}:${listener.port}`;
  const leases = await openLeaseBook({ database, group, worker: name, url, ttlMs, now: () => clock.now() });
  members = stack.use(createPartitionWorker({ units, leases, run, ttlMs, clock, logger }));
  await members.start();

  const owned = stack.move();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => closing ??= owned.disposeAsync();
  return { url, name, group, status: members.status, close, [Symbol.asyncDispose]: close };
}
