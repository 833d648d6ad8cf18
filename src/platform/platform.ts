/**
 * The composition root: opens the engines of a data folder, builds the layers over them, and serves them on one port.
 * Everything closes in reverse order. A definition can be applied while it runs.
 */
import { resolve } from "node:path";
import { createIdSource } from "../kernel/ids.ts";
import { createSupervisor } from "../kernel/lifecycle.ts";
import { systemClock } from "../kernel/clock.ts";
import type { Clock } from "../kernel/clock.ts";
import { StrataError, toStrataError } from "../kernel/errors.ts";
import { createCandidateEngine, createEventDecoder, createFeatureEngine, createIngestion, createLake } from "../data/index.ts";
import type { CandidateEngine, FeatureEngine, Ingestion, Lake } from "../data/index.ts";
import { describeApplication, diffDefinitions, hashApplication } from "../define/index.ts";
import type { Application, ApplicationDocument, ResourceChange } from "../define/index.ts";
import { treesRuntime } from "../engines/trees/trees-runtime.ts";
import { createDecisionLog, createExperiments, createRegistry, createRollouts } from "../modelops/index.ts";
import type { DecisionLog, Experiments, Registry, Rollouts, TrainingReport } from "../modelops/index.ts";
import { createLogStore, createTelemetryStore } from "../observe/index.ts";
import type { LogLine, LogStore, TelemetryStore } from "../observe/index.ts";
import { createController, createMonitor } from "../operate/index.ts";
import type { Controller, Monitor } from "../operate/index.ts";
import type { Overview } from "../protocols/admin/overview.ts";
import type { TrainingProgress } from "../protocols/admin/sources.ts";
import { createEndpointService, createModelPool } from "../serving/index.ts";
import type { EndpointService, ModelPool } from "../serving/index.ts";
import { auditAnswers } from "./audit.ts";
import type { AnswerAudit } from "./audit.ts";
import type { Config } from "./config.ts";
import { openConsole } from "./console-files.ts";
import { loadDefinition } from "./definition-loader.ts";
import { watchDefinition } from "./definition-watch.ts";
import type { ReloadOutcome } from "./definition-watch.ts";
import { openEngines } from "./engines.ts";
import type { Engines } from "./engines.ts";
import { openHttpListener } from "./http-listener.ts";
import { createFrontDoor } from "./http-routes.ts";
import { createOverviewSource, definitionOf, latencySeries } from "./overview-source.ts";
import { startProcessSampler } from "./process-sampler.ts";
import { repeatWork } from "./repeating-work.ts";
import { createTrainingDesk } from "./training-desk.ts";
import type { TrainingDesk } from "./training-desk.ts";
import { strataVersion } from "./version.ts";

export interface PlatformOptions {
  /** The definition's file, or the application itself. */
  readonly definition: string | Application;
  readonly config: Config;
  /** Event time; the system clock unless a replay brings its own. */
  readonly clock?: Clock;
  readonly logSink?: (line: LogLine) => void;
  /** Apply edits of the definition file as they are saved. */
  readonly watch?: boolean;
  readonly onReload?: (outcome: ReloadOutcome) => void;
  /** false: triggers and rollouts move only when `control.tick` is called. Default true. */
  readonly runsControlLoop?: boolean;
}

export interface Platform extends AsyncDisposable {
  readonly url: string;
  readonly clock: Clock;
  application(): Application;
  readonly ingestion: Ingestion;
  readonly features: FeatureEngine;
  readonly candidates: CandidateEngine;
  readonly lake: Lake;
  readonly experiments: Experiments;
  readonly registry: Registry;
  readonly rollouts: Rollouts;
  readonly decisions: DecisionLog;
  readonly endpoints: EndpointService;
  readonly monitor: Monitor;
  readonly control: Controller;
  readonly telemetry: TelemetryStore;
  readonly logs: LogStore;
  overview(): Promise<Overview>;
  /** Trains now and puts the result through gates and rollout. */
  train(model: string, options?: TrainOptions): Promise<TrainingReport>;
  /** Recomputes logged answers offline and compares them bit by bit. */
  audit(options?: { readonly limit?: number; readonly signal?: AbortSignal }): Promise<AnswerAudit>;
  /** What applying the definition would change. */
  plan(document: ApplicationDocument): readonly ResourceChange[];
  apply(application: Application): Promise<readonly ResourceChange[]>;
  close(deadlineMs?: number): Promise<void>;
}

export interface TrainOptions {
  readonly reason?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

const CLOSE_DEADLINE_MS = 10_000;

/** Opens everything and serves; raises the first problem after closing what was open. */
export async function openPlatform(options: PlatformOptions): Promise<Platform> {
  const { config, clock = systemClock } = options;
  await using stack = new AsyncDisposableStack();
  const logs = createLogStore({ clock: systemClock, level: config.logLevel });
  if (options.logSink) stack.defer(logs.subscribe(options.logSink));
  const telemetry = createTelemetryStore({ clock: systemClock });
  const ticking = new AbortController();
  const telemetryRuns = telemetry.run(ticking.signal);
  stack.defer(async () => { ticking.abort(); await telemetryRuns; });

  let application = typeof options.definition === "string" ? await loadDefinition(options.definition) : options.definition;
  const current = (): Application => application;
  const engines = stack.use(await openEngines({ dataDir: resolve(config.dataDir), clock, segmentBytes: config.segmentBytes, logger: logs }));
  const data = stack.use(await openData({ engines, config, clock, logs, telemetry, current }));
  const ops = await openModelOps(engines, clock);

  const desk = createTrainingDesk({ application: current, engines, lake: data.lake, clock, logger: logs, threads: config.trainingThreads, ...ops });
  const pool = stack.use(createModelPool({ runtime: treesRuntime, fetch: desk.servable, clock, meter: telemetry }));
  const monitor = stack.use(createMonitor({
    application: current, log: engines.log, decoder: data.decoder, states: engines.states, clock, logger: logs,
    profileOf: desk.profileOf, onDrift: (window) => control.onDriftWindow(window),
  }));
  const control: Controller = createController({
    application: current, monitor, clock, logger: logs, ...ops, dailyTrainings: config.dailyTrainings,
    train: desk.train, newEvents: desk.newEvents, dataQuality: (model) => data.quality(model),
    serve: async (model, plan) => {
      const versions = [plan.champion, plan.challenger].filter((version) => version !== undefined);
      await Promise.all(versions.map((version) => pool.get(model, version)));
      await pool.keepOnly(model, versions);
    },
  });
  const endpoints = createEndpointService({
    application: current, features: data.features, candidates: data.candidates, pool, traffic: control.trafficPlan,
    log: engines.log, clock, ids: data.ids, meter: telemetry, logger: logs,
  });
  stack.defer(() => endpoints.settle());
  await control.start();
  await monitor.start();

  const sampler = stack.use(startProcessSampler({
    offsets: () => Object.fromEntries([...current().streams.keys()].map((stream) => [stream, engines.log.statistics(stream).nextOffset])),
    endpoints: () => Object.fromEntries([...latencySeries(telemetry)].map(([endpoint, series]) =>
      [endpoint, { requestsPerSecond: series.perSecond.last1s, p50Ms: (series.rolling.p50 ?? 0) * 1000, p99Ms: (series.rolling.p99 ?? 0) * 1000 }])),
  }));
  const overview = createOverviewSource({
    application: current, version: strataVersion(), clock, isSimulatedTime: clock !== systemClock, log: engines.log, ...data, ...ops,
    monitor, telemetry, sampler, training: desk.progress,
  });

  const apply = async (next: Application): Promise<readonly ResourceChange[]> => {
    const changes = diffDefinitions(describeApplication(application), describeApplication(next));
    if (changes.length === 0) return changes;
    application = next;
    await data.applyDefinition(next);
    await control.start();
    await ops.decisions.append({ kind: "definition", subject: next.name, verdict: "applied", reason: changes.map((change) => `${change.action} ${change.kind}.${change.name}: ${change.effect}`).join("; ") });
    return changes;
  };
  const reload = async (expectedHash?: string): Promise<readonly ResourceChange[]> => {
    if (typeof options.definition !== "string") throw new StrataError("REQUEST_INVALID", { reason: "This server was not started from a definition file." });
    const next = await loadDefinition(options.definition);
    const hash = hashApplication(next);
    if (expectedHash !== undefined && expectedHash !== hash) throw new StrataError("REQUEST_INVALID", { reason: `The server's definition file has hash ${hash}, not ${expectedHash}: deploy the file first.` });
    return apply(next);
  };

  const train = async (model: string, { reason = "asked for by hand", signal, onProgress }: TrainOptions = {}): Promise<TrainingReport> => {
    const definition = current().models.get(model);
    if (definition === undefined) throw new StrataError("MODEL_NOT_FOUND", { model, known: [...current().models.keys()].join(", ") });
    using _following = desk.follow(model, { onProgress, signal });
    const trained = await control.train(definition, { kind: "manual", reason });
    return desk.report(model, trained.version);
  };
  const audit = (auditOptions: { readonly limit?: number; readonly signal?: AbortSignal } = {}): Promise<AnswerAudit> =>
    auditAnswers({ application: current(), log: engines.log, decoder: data.decoder, lake: data.lake, versionOf: (model, version) => desk.servable(model, version) }, { limit: 10_000, ...auditOptions });

  const frontDoor = createFrontDoor({
    ingestion: data.ingestion, endpoints, telemetry, console: openConsole(),
    inference: { name: "strata", version: strataVersion(), pool, models: () => [...current().models.keys()], defaultVersion: (model) => control.trafficPlan(model).champion, isReady: () => true },
    admin: {
      version: strataVersion(), overview, definition: () => definitionOf(current()), ...ops, logs, modelNames: () => [...current().models.keys()],
      train: (model, trainOptions) => train(model, trainOptions),
      rollback: (model, reason) => control.rollback(model, reason, "admin-api"),
      cancelRollout: (model, reason) => control.cancelRollout(model, reason, "admin-api"),
      readFeatures: data.readFeatures, audit, plan: (document) => planOf(application, document), apply: reload, tick: () => control.tick(),
    },
  });
  const listener = await openHttpListener({ host: config.host, port: config.port, listeners: config.listeners, maxBodyBytes: config.maxBodyBytes, handle: frontDoor });
  stack.defer(() => listener.close(CLOSE_DEADLINE_MS / 2));

  stack.use(repeatWork({ name: "checkpointing", everyMs: config.checkpointSeconds * 1000, logger: logs, work: async () => { await data.checkpoint(); await monitor.checkpoint(); await data.retain(); } }));
  if (options.runsControlLoop !== false) stack.use(repeatWork({ name: "the control loop", everyMs: config.controlSeconds * 1000, logger: logs, work: () => control.tick() }));
  stack.defer(() => control.idle());
  if (options.watch && typeof options.definition === "string") stack.use(watchDefinition(options.definition, { reload, onReload: options.onReload, logger: logs }));

  const owned = stack.move();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= owned.disposeAsync());
  return {
    url: `http://${config.host}:${listener.port}`, clock, application: current, endpoints, monitor, control, telemetry, logs, overview, train, audit,
    ingestion: data.ingestion, features: data.features, candidates: data.candidates, lake: data.lake, ...ops,
    plan: (document) => planOf(application, document), apply, close, [Symbol.asyncDispose]: close,
  };
}

interface DataOptions {
  readonly engines: Engines;
  readonly config: Config;
  readonly clock: Clock;
  readonly logs: LogStore;
  readonly telemetry: TelemetryStore;
  readonly current: () => Application;
}
