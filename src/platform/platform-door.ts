/** Hands the running parts to the protocols that answer for them. */
import type { Application, ApplicationDocument, ResourceChange } from "../define/index.ts";
import type { LogStore, TelemetryStore } from "../observe/index.ts";
import type { TrafficControl } from "../protocols/admin/served-model-routes.ts";
import type { AdminSources } from "../protocols/admin/sources.ts";
import type { Overview } from "../protocols/admin/overview.ts";
import type { LakeSources } from "../protocols/admin/lake-routes.ts";
import type { SqlDesk } from "../protocols/admin/sql-routes.ts";
import type { HttpRequest, HttpResponse } from "../protocols/http.ts";
import type { InferenceProtocol } from "../protocols/kserve/infer.ts";
import { openAiModels } from "../protocols/openai/openai.ts";
import type { ModelServer } from "../serving/index.ts";
import { openConsole } from "./console-files.ts";
import type { DataLayer } from "./data-layer.ts";
import type { FeatureLayer } from "./feature-layer.ts";
import { createFrontDoor } from "./http-routes.ts";
import type { LanguageLayer } from "./language-layer.ts";
import type { LedgerLayer } from "./ledger-layer.ts";
import type { ModelLayer } from "./model-layer.ts";
import { definitionOf } from "./overview-source.ts";
import type { VectorsLayer } from "./vectors-layer.ts";
import { strataVersion } from "./version.ts";

export interface DoorParts {
  readonly application: () => Application;
  readonly telemetry: TelemetryStore;
  readonly data: DataLayer;
  readonly features: FeatureLayer;
  readonly audit: AdminSources["audit"];
  readonly vectors: VectorsLayer;
  readonly models: ModelLayer;
  readonly language: LanguageLayer;
  readonly ledger: LedgerLayer;
  readonly lake: LakeSources;
  readonly sql: SqlDesk;
  readonly traffic: TrafficControl;
  readonly inference: InferenceProtocol;
  readonly explain: ModelServer["explain"];
  readonly logs: LogStore;
  readonly overview: () => Promise<Overview>;
  readonly plan: (document: ApplicationDocument) => readonly ResourceChange[];
  readonly reload: (expectedHash?: string) => Promise<readonly ResourceChange[]>;
}

const ACTOR = "admin-api";

export function createPlatformDoor({ application, audit, telemetry, data, features, vectors, models, language, ledger, lake, sql, traffic, inference, explain, logs, overview, plan, reload }: DoorParts): (request: HttpRequest) => Promise<HttpResponse> {
  const { control, experiments, registry, rollouts, decisions, endpoints } = models;
  const modelNames = (): readonly string[] => [...application().models.keys()];
  return createFrontDoor({
    ingestion: data.ingestion, feast: features.feast, vectors, endpoints, language, traffic, telemetry, inference, console: openConsole(),
    admin: {
      version: strataVersion(), overview, definition: () => definitionOf(application()), experiments, registry, rollouts, decisions, logs, modelNames, explain,
      languageModels: () => openAiModels(language), upstreams: () => language.gateway.upstreams(), ledger: ledger.admin, lake, sql,
      quality: { monitor: data.dataQuality, ...data.qualityWork }, streams: data.streams.sources, train: models.train, audit, plan, apply: reload, featureReads: features.reads, catalogue: features.catalogue,
      rollback: (model, reason) => control.rollback(model, reason, ACTOR),
      cancelRollout: (model, reason) => control.cancelRollout(model, reason, ACTOR),
      tick: () => control.tick(),
    },
  });
}
