/** `strata worker` in one call: the definition from its file, the engines that the profile names, a worker over them. */
import { mkdir } from "node:fs/promises";
import { systemClock } from "../kernel/clock.ts";
import { createLogStore } from "../observe/index.ts";
import type { LogLine } from "../observe/index.ts";
import type { Config } from "./config.ts";
import { loadDefinition } from "./definition-loader.ts";
import { openBlobs, openDatabase, openLog, openOnline } from "./profile-engines.ts";
import { loadProfile } from "./profile.ts";
import { openWorker } from "./worker.ts";
import type { Worker } from "./worker.ts";

export interface WorkerProcessOptions {
  readonly config: Config;
  readonly group?: string | undefined;
  readonly name?: string | undefined;
  readonly leaseMs?: number | undefined;
  readonly logSink?: (line: LogLine) => void;
}

/** Opens everything; closing the worker closes its engines. Without a profile it is the only worker of its data folder. */
export async function openWorkerProcess({ config, logSink, group, name, leaseMs }: WorkerProcessOptions): Promise<Worker> {
  await using stack = new AsyncDisposableStack();
  const application = await loadDefinition(config.definition);
  const logger = createLogStore({ clock: systemClock, level: config.logLevel });
  if (logSink) stack.defer(logger.subscribe(logSink));
  const place = { dataDir: config.dataDir, profile: loadProfile(config.profile, process.env), clock: systemClock, logger, environment: process.env };
  await mkdir(config.dataDir, { recursive: true });
  const log = stack.use(await openLog(place, config.segmentBytes, () => blobs)); // first, because an embedded one holds the folder's lock
  const blobs = await openBlobs(place);
  stack.defer(async () => blobs[Symbol.asyncDispose]?.());
  const database = stack.use(await openDatabase(place));
  const online = stack.use(await openOnline(place));
  const worker = stack.use(await openWorker({
    application, engines: { log, database, online }, config, ...(logSink === undefined ? {} : { logSink }),
    ...(group === undefined ? {} : { group }), ...(name === undefined ? {} : { name }), ...(leaseMs === undefined ? {} : { leaseMs }),
  }));
  const owned = stack.move();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => closing ??= owned.disposeAsync();
  return { ...worker, close, [Symbol.asyncDispose]: close };
}
