/**
 * The composition root: opens the engines of a data folder, builds the layers over them, and serves them on one port.
 * Everything closes in reverse order. A definition can be applied while it runs.
 */
import { dirname, resolve } from "node:path";
import { systemClock } from "../kernel/clock.ts";
import type { Clock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";
import { createIdSource } from "../kernel/ids.ts";
import { describeApplication, diffDefinitions, hashApplication } from "../define/index.ts";
import { createSimilarItems } from "../data/index.ts";
import type { FindSimilarItems } from "../data/index.ts";
import type { Application, ApplicationDocument, ResourceChange } from "../define/index.ts";
import type { TrainingReport } from "../modelops/index.ts";
import { createLogStore, createTelemetryStore } from "../observe/index.ts";
import type { LogLine, LogStore, TelemetryStore } from "../observe/index.ts";
import type { Overview } from "../protocols/admin/overview.ts";
import type { PlatformAudit } from "./feature-audit.ts";
import { openCallsOverview } from "./calls-overview.ts";
import type { Config } from "./config.ts";
import { openDataLayer } from "./data-layer.ts";
import type { DataLayer } from "./data-layer.ts";
import { loadDefinition } from "./definition-loader.ts";
import { watchDefinition } from "./definition-watch.ts";
import type { ReloadOutcome } from "./definition-watch.ts";
import { openEngines } from "./engines.ts";
import { withFeatureReads } from "./feature-audit.ts";
import { createFeatureLayer } from "./feature-layer.ts";
import { openHttpListener } from "./http-listener.ts";
import { createInferenceEdge } from "./inference-edge.ts";
import { createLanguageLayer } from "./language-layer.ts";
import type { LanguageLayer } from "./language-layer.ts";
import { openLedgerLayer } from "./ledger-layer.ts";
import { createPlatformDoor } from "./platform-door.ts";
import { openModelLayer } from "./model-layer.ts";
import type { ModelLayer } from "./model-layer.ts";
import { openServingLayer } from "./serving-layer.ts";
import type { ServingLayer } from "./serving-layer.ts";
import { openTrafficLayer } from "./traffic-layer.ts";
import { createOverviewSource } from "./overview-source.ts";
import type { TrainOptions } from "./train-options.ts";
import { openSampler } from "./process-sampler.ts";
import { loadProfile } from "./profile.ts";
import { openSqlLayer } from "./sql/sql-layer.ts";
import { repeatWork } from "./repeating-work.ts";
import { openVectorsLayer } from "./vectors-layer.ts";
import type { VectorsLayer } from "./vectors-layer.ts";
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

type DataParts = Pick<DataLayer, "ingestion" | "features" | "candidates" | "lake">;
type ServingParts = { readonly modelServer: ServingLayer["server"] };
type ModelParts = Pick<ModelLayer, "experiments" | "registry" | "rollouts" | "decisions" | "endpoints" | "monitor" | "control">;

export interface Platform extends AsyncDisposable, DataParts, ModelParts, ServingParts {
  readonly url: string;
  /** Where Open Inference gRPC listens: host:port, as gRPC clients take it. */
  readonly grpcUrl: string;
  readonly clock: Clock;
  readonly telemetry: TelemetryStore;
  readonly logs: LogStore;
  /** Calls of language models, as HTTP makes them. */
  readonly language: LanguageLayer["gateway"];
  application(): Application;
  overview(): Promise<Overview>;
  /** Trains now and puts the result through gates and rollout. */
  train(model: string, options?: TrainOptions): Promise<TrainingReport>;
  /** Recomputes logged answers offline and compares them bit by bit. */
  audit(options?: { readonly limit?: number; readonly signal?: AbortSignal }): Promise<PlatformAudit>;
  /** What applying the definition would change. */
  plan(document: ApplicationDocument): readonly ResourceChange[];
  apply(application: Application): Promise<readonly ResourceChange[]>;
  close(): Promise<void>;
}

/** Of the sampled reads, in each scheduled audit. */
const FEATURE_READS_AUDITED = 10_000;
const CLOSE_DEADLINE_MS = 5_000;
/** Tiers go by days; a minute is soon enough, and nothing to do costs a look at the manifest. */
const LAKE_POLICY_MS = 60_000;

/** Opens everything and serves; raises the first problem after closing what was open. */
export async function openPlatform(options: PlatformOptions): Promise<Platform> {
  const { config, clock = systemClock } = options;
  await using stack = new AsyncDisposableStack();
  const logs = createLogStore({ clock: systemClock, level: config.logLevel });
  if (options.logSink) stack.defer(logs.subscribe(options.logSink));
  const telemetry = openTelemetry(stack);
  const definition = { current: typeof options.definition === "string" ? await loadDefinition(options.definition) : options.definition };
  const shared = { application: () => definition.current, config, clock, logger: logs, telemetry };

  const profile = loadProfile(config.profile, process.env);
  const engines = stack.use(await openEngines({ dataDir: resolve(config.dataDir), clock, segmentBytes: config.segmentBytes, lakeCacheBytes: config.lakeCacheBytes, logger: logs, profile, environment: process.env }));
  const data = stack.use(await openDataLayer({ ...shared, engines }));
  const similar: { find: FindSimilarItems } = { find: () => [] }; // until the vector indexes are open, below
  const models = stack.use(await openModelLayer({ ...shared, engines, data, similar: (source, question) => similar.find(source, question) }));
  const serving = stack.use(await openServingLayer({
    ...shared, definitionFile: typeof options.definition === "string" ? options.definition : undefined, pool: models.pool, champion: (model) => models.control.trafficPlan(model).champion,
  }));
  stack.defer(tellQualityChanges(data, models));
  const traffic = stack.use(await openTrafficLayer({
    server: serving.server, dataDir: config.dataDir, profile, logger: logs, meter: telemetry, isTrained: (model) => definition.current.models.has(model),
    onMove: ({ model, kind, reason }) => { models.decisions.append({ kind: "rollout", subject: model, verdict: kind, reason }).catch(() => undefined); }, // the move itself is durable
  }));
  const ledger = stack.use(await openLedgerLayer({ config, profile, clock: systemClock, ids: createIdSource(systemClock, Math.random), meter: telemetry, logger: logs }));
  serving.server.askMembersThrough(traffic.server);
  const language = stack.use(createLanguageLayer({ ...shared, policy: ledger.policy, environment: process.env, folder: typeof options.definition === "string" ? dirname(resolve(options.definition)) : process.cwd() }));
  const vectors = stack.use(await openVectorsLayer({ ...shared, engines, data, language, models: traffic.server }));
  similar.find = createSimilarItems(vectors.indexes);
  const sampler = stack.use(openSampler({ log: engines.log, telemetry, application: shared.application }));
  const calls = stack.use(openCallsOverview({
    application: shared.application, server: serving.server, replicas: serving.fleetOf, traffic: traffic.book, gateway: language.gateway, ledger: ledger.ledger, telemetry,
  }));
  const overview = createOverviewSource({
    ...data, ...models, calls, application: shared.application, version: strataVersion(), clock, isSimulatedTime: clock !== systemClock, log: engines.log, telemetry, sampler, training: models.desk.progress,
  });

  const applyNow = async (next: Application): Promise<readonly ResourceChange[]> => {
    const changes = planOf(definition.current, describeApplication(next));
    if (changes.length === 0) return changes;
    await data.checkDefinition(next);
    definition.current = next;
    await data.applyDefinition(next);
    await models.applyDefinition(next, changes);
    await serving.applyDefinition(next);
    language.applyDefinition(next);
    await vectors.applyDefinition(next);
    return changes;
  };
  let applying: Promise<unknown> = Promise.resolve();
  /** One after another: a file that is saved and a request to apply it must not build the same view twice. */
  const apply = (desired: Application): Promise<readonly ResourceChange[]> => {
    const applied = applying.then(() => applyNow(desired));
    applying = applied.catch(() => undefined); // told to whoever asked
    return applied;
  };
  const reload = (expectedHash?: string): Promise<readonly ResourceChange[]> => reloadFile(options.definition, expectedHash, apply);
  const plan = (document: ApplicationDocument): readonly ResourceChange[] => planOf(definition.current, document);

  const features = createFeatureLayer({ ...shared, data, log: engines.log, documents: vectors.documents });
  const sql = stack.use(openSqlLayer({ lake: data.lake, cache: engines.lakeCache, blobs: engines.blobs, config }));
  const lakeDesk = { lake: data.lake, prices: { hot: config.hotPrice, warm: config.warmPrice, cold: config.coldPrice }, cache: () => engines.lakeCache.statistics() };
  const audit = withFeatureReads(models.audit, features.audit);
  const inference = stack.use(createInferenceEdge({ config, models: traffic.server, clock, feast: features.feast }));
  const handle = createPlatformDoor({ ...shared, audit, data, features, vectors, models, language, ledger, lake: lakeDesk, sql, traffic: traffic.desk, inference: inference.protocol, explain: (query) => serving.server.explain(query), logs, overview, plan, reload });
  const listener = await openHttpListener({ host: config.host, port: config.port, listeners: config.listeners, maxBodyBytes: config.maxBodyBytes, handle });
  stack.defer(() => listener.close(CLOSE_DEADLINE_MS));
  const grpc = await inference.listen(listener.port);
  stack.defer(() => grpc.close(CLOSE_DEADLINE_MS));
  startRepeatingWork(stack, { options, data, models, vectors, logs });
  stack.use(repeatWork({ name: "the audit of feature reads", everyMs: config.featureAuditSeconds * 1000, logger: logs, work: async () => { await features.audit({ limit: FEATURE_READS_AUDITED }); } }));
  if (options.watch && typeof options.definition === "string") stack.use(watchDefinition(options.definition, { reload, onReload: options.onReload, logger: logs }));

  const owned = stack.move();
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= owned.disposeAsync());
  const { ingestion, candidates, lake } = data;
  const { experiments, registry, rollouts, decisions, endpoints, monitor, control, train } = models;
  return {
    url: `http://${config.host}:${listener.port}`, grpcUrl: `${config.host}:${grpc.port}`, clock, telemetry, logs, language: language.gateway, application: shared.application,
    ingestion, features: data.features, candidates, lake, experiments, registry, rollouts, decisions, endpoints, monitor, control, modelServer: serving.server,
    overview, train, audit, plan, apply, close, [Symbol.asyncDispose]: close,
  };
}

function openTelemetry(stack: AsyncDisposableStack): TelemetryStore {
  const telemetry = createTelemetryStore({ clock: systemClock });
  const ticking = new AbortController();
  const runs = telemetry.run(ticking.signal);
  stack.defer(() => {
    ticking.abort();
    return runs;
  });
  return telemetry;
}

interface RepeatingParts {
  readonly options: PlatformOptions;
  readonly data: DataLayer;
  readonly models: ModelLayer;
  readonly vectors: VectorsLayer;
  readonly logs: LogStore;
}

function startRepeatingWork(stack: AsyncDisposableStack, { options, data, models, vectors, logs }: RepeatingParts): void {
  const { checkpointSeconds, controlSeconds } = options.config;
  const checkpoint = async (): Promise<void> => {
    await data.checkpoint();
    await vectors.indexes.checkpoint();
    await models.monitor.checkpoint();
    await data.retain();
  };
  stack.defer(() => {
    models.desk.stop();
    return models.control.idle(); // a training in progress ends before its engines close
  });
  stack.use(repeatWork({ name: "moving files of the lake", everyMs: LAKE_POLICY_MS, logger: logs, work: async () => { await data.lake.applyPolicies(); } }));
  stack.use(repeatWork({ name: "checkpointing", everyMs: checkpointSeconds * 1000, logger: logs, work: checkpoint }));
  if (options.runsControlLoop === false) return;
  stack.use(repeatWork({ name: "the control loop", everyMs: controlSeconds * 1000, logger: logs, work: () => models.control.tick() }));
}

/** A rule that begins to fail is an alert; one that passes again is told, too. */
function tellQualityChanges({ dataQuality }: DataLayer, { decisions }: ModelLayer): () => void {
  return dataQuality.subscribe(({ verdict: { expectations, rule, stream, status, sentence }, stopped }) => {
    const reason = `${sentence}${stopped ? ` Stream "${stream}" takes no more events until it is resumed.` : ""}`;
    decisions.append({ kind: "alert", subject: `${expectations}.${rule}`, verdict: status, reason }).catch(() => undefined); // the history of verdicts has it, too
  });
}

function planOf(running: Application, desired: ApplicationDocument): readonly ResourceChange[] {
  return diffDefinitions(describeApplication(running), desired);
}

async function reloadFile(file: string | Application, expectedHash: string | undefined, apply: (next: Application) => Promise<readonly ResourceChange[]>): Promise<readonly ResourceChange[]> {
  if (typeof file !== "string") throw new StrataError("REQUEST_INVALID", { reason: "This server was not started from a definition file." });
  const next = await loadDefinition(file);
  const hash = hashApplication(next);
  if (expectedHash !== undefined && expectedHash !== hash) {
    throw new StrataError("REQUEST_INVALID", { reason: `The server's definition file has hash ${hash}, not ${expectedHash}: deploy the file first.` });
  }
  return apply(next);
}
