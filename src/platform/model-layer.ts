/** Layers 3, 4 and operate over their engines: registry, training, serving, monitoring and the control loop. */
import type { FindSimilarItems } from "../data/index.ts";
import type { Application, ResourceChange } from "../define/index.ts";
import { StrataError } from "../kernel/errors.ts";
import type { Clock } from "../kernel/clock.ts";
import { treesRuntime } from "../engines/trees/trees-runtime.ts";
import { createDecisionLog, createExperiments, createRegistry, createRollouts } from "../modelops/index.ts";
import type { DecisionLog, Experiments, Registry, Rollouts, TrainingReport } from "../modelops/index.ts";
import type { TelemetryStore } from "../observe/index.ts";
import { createController, createMonitor, versionsOf } from "../operate/index.ts";
import type { Controller, Monitor } from "../operate/index.ts";
import type { Logger } from "../ports/telemetry.ts";
import { createEndpointService, createModelPool } from "../serving/index.ts";
import type { EndpointService, ModelPool } from "../serving/index.ts";
import { auditAnswers } from "./audit.ts";
import type { AnswerAudit } from "./audit.ts";
import type { Config } from "./config.ts";
import type { DataLayer } from "./data-layer.ts";
import type { Engines } from "./engines.ts";
import type { TrainOptions } from "./train-options.ts";
import { pinRunSnapshots } from "./snapshot-pins.ts";
import { createTrainingDesk } from "./training-desk.ts";
import type { TrainingDesk } from "./training-desk.ts";

export interface ModelLayer extends AsyncDisposable {
  readonly experiments: Experiments;
  readonly registry: Registry;
  readonly rollouts: Rollouts;
  readonly decisions: DecisionLog;
  readonly desk: TrainingDesk;
  readonly pool: ModelPool;
  readonly monitor: Monitor;
  readonly control: Controller;
  readonly endpoints: EndpointService;
  train(model: string, options?: TrainOptions): Promise<TrainingReport>;
  audit(options?: { readonly limit?: number; readonly signal?: AbortSignal }): Promise<AnswerAudit>;
  applyDefinition(application: Application, changes: readonly ResourceChange[]): Promise<void>;
}

export interface ModelLayerOptions {
  readonly engines: Engines;
  readonly data: DataLayer;
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: TelemetryStore;
  readonly application: () => Application;
  readonly similar: FindSimilarItems;
}

/** Rows an audit checks unless told otherwise. */
const AUDIT_ROWS = 10_000;

export async function openModelLayer(options: ModelLayerOptions): Promise<ModelLayer> {
  const { engines, data, config, clock, logger, telemetry, application } = options;
  const { log, states } = engines;
  await using stack = new AsyncDisposableStack();
  const records = await openRecords(options);
  await pinRunSnapshots(data.lake, records.experiments);
  const desk = createTrainingDesk({ ...records, application, engines, lake: data.lake, runtime: treesRuntime, clock, logger, threads: config.trainingThreads, checkData: data.qualityWork.checkTraining });
  const pool = stack.use(createModelPool({ runtime: treesRuntime, fetch: desk.servable, clock, meter: telemetry }));
  const monitor = stack.use(createMonitor({
    application, log, decoder: data.decoder, states, clock, logger, profileOf: desk.profileOf, onDrift: (window) => control.onDriftWindow(window),
  }));
  const control: Controller = createController({
    ...records, application, monitor, clock, logger, dailyTrainings: config.dailyTrainings,
    train: desk.train, newEvents: desk.newEvents, dataQuality: data.quality,
    serve: async (model, plan) => {
      const versions = versionsOf(plan);
      await Promise.all(versions.map((version) => pool.get(model, version)));
      await pool.keepOnly(model, versions);
    },
  });
  const endpoints = createEndpointService({
    application, features: data.features, candidates: data.candidates, similar: options.similar, pool, traffic: control.trafficPlan, log, clock, ids: data.ids, meter: telemetry, logger,
  });
  stack.defer(() => endpoints.settle());
  await control.start();
  await monitor.start();

  const owned = stack.move();
  return {
    ...records, desk, pool, monitor, control, endpoints,
    train: async (name, { reason = "asked for by hand", signal, onProgress } = {}) => {
      const model = application().models.get(name);
      if (model === undefined) throw new StrataError("MODEL_NOT_FOUND", { model: name, known: [...application().models.keys()].join(", ") });
      using _followed = desk.follow(name, { onProgress, signal });
      const { version } = await control.train(model, { kind: "manual", reason });
      return desk.report(name, version);
    },
    audit: ({ limit = AUDIT_ROWS, signal } = {}) =>
      auditAnswers({ application: application(), log, decoder: data.decoder, lake: data.lake, servable: desk.servable }, { limit, signal }),
    applyDefinition: async (next, changes) => {
      await control.start();
      const reason = changes.map((change) => `${change.action} ${change.kind}.${change.name}: ${change.effect}`).join("; ");
      await records.decisions.append({ kind: "definition", subject: next.name, verdict: "applied", reason });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function openRecords({ engines: { database, blobs }, data: { ids }, clock }: ModelLayerOptions) {
  const experiments = createExperiments({ database, blobs, clock, ids });
  const registry = createRegistry({ database, blobs, clock, ids });
  const rollouts = createRollouts({ database, clock, ids });
  const decisions = createDecisionLog({ database, clock });
  for (const record of [experiments, registry, rollouts, decisions]) await record.open();
  return { experiments, registry, rollouts, decisions };
}
