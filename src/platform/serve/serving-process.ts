/**
 * One of several serving processes: model server, language gateway and traffic of the definition behind a port that
 * all of them share. It opens no event log and takes no lock; what must be kept is the supervisor's.
 */
import { randomInt } from "node:crypto";
import { dirname, resolve } from "node:path";
import { systemClock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import { createIdSource } from "../../kernel/ids.ts";
import { createRandom } from "../../kernel/random.ts";
import { createLogStore, createTelemetryStore } from "../../observe/index.ts";
import type { LogLine, TelemetrySnapshot } from "../../observe/index.ts";
import { createTrafficBook, createTrafficServer } from "../../serving/index.ts";
import type { ModelServer, TrafficState } from "../../serving/index.ts";
import type { TrafficControl } from "../../protocols/admin/served-model-routes.ts";
import type { Config } from "../config.ts";
import { loadDefinition } from "../definition-loader.ts";
import { openHttpListener } from "../http-listener.ts";
import { createInferenceEdge } from "../inference-edge.ts";
import { createLanguageLayer } from "../language-layer.ts";
import { openLedgerLayer } from "../ledger-layer.ts";
import { loadProfile } from "../profile.ts";
import { repeatWork } from "../repeating-work.ts";
import { openServingLayer } from "../serving-layer.ts";
import { defaultVersionOf, warmVersion } from "../traffic-layer.ts";
import { mergeSnapshots } from "./merged-metrics.ts";
import type { ProcessLink } from "./process-link.ts";
import type { ProcessReport } from "./process-report.ts";
import { createServingDoor } from "./serving-door.ts";
import { openTrainedModels } from "./trained-models.ts";

/** What the supervisor tells a new process. */
export interface ServingOrders {
  readonly config: Config;
  readonly states: readonly TrafficState[];
}

export interface ServingProcess {
  /** Answers what is in flight and asks callers to connect anew, then ends. */
  drain(): Promise<void>;
}

/** Callers on kept connections get so long to send their next request, whose answer tells them to connect anew. */
const LINGER_MS = 2_000;
const DRAIN_DEADLINE_MS = 30_000;
const COUNTS_MS = 500;

export async function openServingProcess({ config, states }: ServingOrders, link: ProcessLink): Promise<ServingProcess> {
  await using stack = new AsyncDisposableStack();
  const logs = createLogStore({ clock: systemClock, level: config.logLevel });
  stack.defer(logs.subscribe((line: LogLine) => link.tell("log", line)));
  const telemetry = createTelemetryStore({ clock: systemClock });
  const ticking = new AbortController();
  const runs = telemetry.run(ticking.signal);
  stack.defer(() => { ticking.abort(); return runs; });
  const application = await loadDefinition(config.definition);
  const shared = { application: () => application, config, clock: systemClock, logger: logs, telemetry };
  const ids = createIdSource(systemClock, createRandom(randomInt(2 ** 32)).next);

  const profile = loadProfile(config.profile, process.env);
  const trained = stack.use(await openTrainedModels({ ...shared, dataDir: config.dataDir, profile, environment: process.env, meter: telemetry }));
  const serving = stack.use(await openServingLayer({ ...shared, definitionFile: config.definition, pool: trained.pool, champion: trained.champion }));
  const ledger = application.languageModels.size === 0 ? undefined : stack.use(await openLedgerLayer({ config, profile, clock: systemClock, ids, meter: telemetry, logger: logs }));
  const language = stack.use(createLanguageLayer({ ...shared, environment: process.env, folder: dirname(resolve(config.definition)), ...(ledger && { policy: ledger.policy }) }));
  const book = createTrafficBook({ draw: Math.random });
  book.put(states);
  const traffic = stack.use(createTrafficServer({ server: serving.server, book, clock: systemClock, meter: telemetry }));
  serving.server.askMembersThrough(traffic);
  const inference = stack.use(createInferenceEdge({ config, models: traffic, clock: systemClock }));

  const tellCounts = (): void => { if (book.counts().length > 0) link.tell("counts", { counts: book.counts(), tallies: book.tallies() }); };
  answerSupervisor(link, { server: serving.server, isTrained: (model) => application.models.has(model), snapshot: () => telemetry.snapshot(), put: (next) => { tellCounts(); book.put(next); } });
  stack.use(repeatWork({ name: "telling counts", everyMs: COUNTS_MS, logger: logs, work: () => Promise.resolve(tellCounts()) }));
  const handle = createServingDoor({
    inference: inference.protocol, language, traffic: remoteTraffic(link),
    metrics: async () => mergeSnapshots(await link.ask<readonly TelemetrySnapshot[]>("snapshots")),
    processes: () => link.ask<readonly ProcessReport[]>("processes"),
  });
  const listener = await openHttpListener({ host: config.host, port: config.port, listeners: 1, maxBodyBytes: config.maxBodyBytes, handle });
  const grpc = await inference.listen(listener.port);
  const owned = stack.move();
  return {
    drain: async () => {
      await Promise.all([listener.close(DRAIN_DEADLINE_MS, { lingerMs: LINGER_MS }), grpc.close(DRAIN_DEADLINE_MS)]);
      tellCounts();
      await owned.disposeAsync();
    },
  };
}

interface Answers {
  readonly server: ModelServer;
  readonly isTrained: (model: string) => boolean;
  readonly snapshot: () => TelemetrySnapshot;
  readonly put: (states: readonly TrafficState[]) => void;
}

function answerSupervisor(link: ProcessLink, { server, isTrained, snapshot, put }: Answers): void {
  link.on("traffic", (states: readonly TrafficState[]) => put(states));
  link.on("snapshot", snapshot);
  link.on("warm", ({ model, version }: { readonly model: string; readonly version: string }) => warmVersion(server, model, version));
  link.on("default-version", (model: string) => {
    if (isTrained(model)) throw new StrataError("REQUEST_INVALID", { reason: `"${model}" is trained: its versions move by gates and \`strata rollout\`.` });
    return defaultVersionOf(server, model);
  });
}

/** The desk stands in the supervisor, so that all processes move together. */
function remoteTraffic(link: ProcessLink): TrafficControl {
  return {
    move: (model, move, note) => link.ask("move", { model, move, note }),
    view: (model) => link.ask("view", model),
    shadowReport: (model) => link.ask("shadow-report", model),
  };
}

