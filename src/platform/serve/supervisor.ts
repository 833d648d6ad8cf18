/**
 * Several serving processes on one port. The supervisor accepts connections and hands them out in turn (node:cluster),
 * so every process gets its share and none is lost when one goes; after that callers talk to their process directly.
 * It restarts what crashes, replaces processes one by one without a failed request, and keeps what they share: the
 * traffic of served models, metrics added up.
 */
import cluster from "node:cluster";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { workerModule } from "../../compute/index.ts";
import { systemClock } from "../../kernel/clock.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { createLogStore } from "../../observe/index.ts";
import type { LogLine } from "../../observe/index.ts";
import { createTrafficDesk, createTrafficStore } from "../../serving/index.ts";
import type { TrafficCounts, TrafficMove, TrafficState } from "../../serving/index.ts";
import type { Config } from "../config.ts";
import { grpcPortOf } from "../inference-edge.ts";
import { repeatWork } from "../repeating-work.ts";
import { openTrafficDatabase } from "../profile-engines.ts";
import { loadProfile } from "../profile.ts";
import { TRAFFIC_TICK_MS } from "../traffic-layer.ts";
import { startChild } from "./child.ts";
import type { Child } from "./child.ts";
import type { ProcessReport } from "./process-report.ts";
import type { ServingOrders } from "./serving-process.ts";

export interface ServeSupervisor extends AsyncDisposable {
  readonly url: string;
  readonly grpcUrl: string;
  processes(): readonly ProcessReport[];
  /** Replaces every process by a new one with the definition as it is now; a definition that does not load changes nothing. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

export interface ServeSupervisorOptions {
  readonly config: Config;
  readonly logSink?: (line: LogLine) => void;
}

interface Place {
  child: Child;
  crashes: number;
}

/** A process that crashes at once is started again after this, then after twice as long, up to the maximum. */
const BACKOFF_MS = 100;
const MAXIMUM_BACKOFF_MS = 10_000;
/** A process that lived so long starts again at the shortest pause. */
const STEADY_MS = 30_000;

/** One per process of the operating system: node:cluster has one primary. */
export async function openServeSupervisor({ config: given, logSink }: ServeSupervisorOptions): Promise<ServeSupervisor> {
  await using stack = new AsyncDisposableStack();
  const logger = createLogStore({ clock: systemClock, level: given.logLevel });
  if (logSink) stack.defer(logger.subscribe(logSink));
  const port = await freePort(given.host, given.port);
  const config: Config = { ...given, port, grpcPort: await freePort(given.host, given.port === 0 && given.grpcPort === undefined ? 0 : grpcPortOf(given, port)) };
  cluster.setupPrimary({ exec: fileURLToPath(workerModule("serve-child", import.meta.url)), args: [], execArgv: process.execArgv, serialization: "advanced" });

  const store = createTrafficStore(stack.use(await openTrafficDatabase({ dataDir: config.dataDir, profile: loadProfile(config.profile, process.env) })));
  await store.open();
  let states: readonly TrafficState[] = await store.states();
  const places: Place[] = [];
  const extra = new Set<Child>();
  let past: readonly TrafficCounts[] = [];
  let isClosing = false;
  const children = (): readonly Child[] => [...places.map(({ child }) => child), ...extra];
  const serving = (): readonly Child[] => children().filter(({ state }) => state === "ready");
  const anyServing = (): Child => {
    const [first] = serving();
    if (first === undefined) throw new StrataError("SERVICE_START_FAILED", { service: "serving", reason: "no process is ready" });
    return first;
  };

  const desk = createTrafficDesk({
    store, clock: systemClock, logger,
    warm: async (model, version) => (await Promise.all(serving().map(({ link }) => link.ask<string>("warm", { model, version }))))[0] ?? version,
    defaultVersion: (model) => anyServing().link.ask<string>("default-version", model),
    apply: async (next) => {
      states = next;
      await Promise.all(children().filter(({ state }) => state !== "starting").map(({ link }) => link.ask("traffic", next).catch(() => undefined))); // one that is gone needs no states
    },
    counts: () => [...past, ...children().flatMap(({ counts }) => counts)],
    tallies: () => children().flatMap(({ tallies }) => tallies),
  });

  const start = (): Child => {
    const child: Child = startChild({ nowMs: systemClock.now(), answers: {
      orders: (): ServingOrders => ({ config, states }),
      log: (line: LogLine) => logSink?.({ ...line, fields: { ...line.fields, process: child.pid } }),
      snapshots: () => Promise.all(serving().map(({ link }) => link.ask("snapshot"))),
      processes: () => reports(),
      move: ({ model, move, note }: { readonly model: string; readonly move: TrafficMove; readonly note: { readonly reason: string; readonly actor: string } }) => desk.move(model, move, note),
      view: (model: string) => desk.view(model),
      "shadow-report": (model: string) => desk.shadowReport(model),
    } });
    void child.ready.then(() => child.link.ask("traffic", states)).catch(() => undefined); // moves between its orders and now
    void child.exited.then(() => { past = [...past, ...child.counts].filter(({ model, revision }) => states.some((state) => state.model === model && state.revision === revision)); });
    return child;
  };
  const reports = (): readonly ProcessReport[] => [...places, ...Array.from(extra, (child) => ({ child, crashes: 0 }))]
    .map(({ child: { pid, state, startedAtMs }, crashes }) => ({ pid, state, startedAtMs, crashes }));

  /** Whoever ends on its own is replaced. */
  const watch = (place: Place, child: Child, pauseMs = BACKOFF_MS): void => {
    void child.exited.then(async () => {
      if (isClosing || place.child !== child) return;
      place.crashes++;
      const waitMs = systemClock.now() - child.startedAtMs > STEADY_MS ? BACKOFF_MS : pauseMs;
      logger.log("error", "a serving process ended; another one is started", { process: child.pid, inMs: waitMs });
      await systemClock.sleep(waitMs);
      if (isClosing || place.child !== child) return;
      place.child = start();
      watch(place, place.child, Math.min(MAXIMUM_BACKOFF_MS, waitMs * 2));
    });
  };

  stack.defer(async () => {
    isClosing = true;
    await Promise.all(children().map((child) => child.drain()));
  });
  for (let number = 0; number < config.processes; number++) places.push({ child: start(), crashes: 0 });
  await Promise.all(places.map(({ child }) => child.ready));
  for (const place of places) watch(place, place.child);
  await desk.open();
  stack.use(repeatWork({ name: "judging the traffic of served models", everyMs: TRAFFIC_TICK_MS, logger, work: () => desk.tick() }));

  const replaceAll = async (): Promise<void> => {
    for (const place of places) {
      if (isClosing) return;
      const next = start();
      extra.add(next);
      try {
        await next.ready;
      } finally {
        extra.delete(next);
      }
      const old = place.child;
      place.child = next;
      watch(place, next);
      extra.add(old);
      await old.drain();
      extra.delete(old);
    }
  };
  let replacing: Promise<void> = Promise.resolve();
  const reload = (): Promise<void> => {
    const done = replacing.then(replaceAll);
    replacing = done.catch((thrown: unknown) => logger.log("error", "the processes were not replaced; those that run stay", { reason: reasonOf(thrown) }));
    return done;
  };
  const onHangUp = (): void => { reload().then(() => logger.log("info", "all processes were replaced"), () => undefined); };
  process.on("SIGHUP", onHangUp);
  stack.defer(() => { process.off("SIGHUP", onHangUp); });

  const owned = stack.move();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= owned.disposeAsync());
  return { url: `http://${config.host}:${port}`, grpcUrl: `${config.host}:${config.grpcPort}`, processes: reports, reload, close, [Symbol.asyncDispose]: close };
}

/** The port, or a free one for 0: known before the first process starts, because all of them must name the same. PORT_IN_USE. */
function freePort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (thrown: NodeJS.ErrnoException) => reject(thrown.code === "EADDRINUSE" ? new StrataError("PORT_IN_USE", { port }, { cause: thrown }) : thrown));
    probe.listen({ host, port, exclusive: true }, () => {
      const found = (probe.address() as AddressInfo).port; // a TCP server has a TCP address
      probe.close(() => resolve(found));
    });
  });
}
