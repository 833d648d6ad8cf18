/**
 * The model server of this process: models of the definition, of the repository folder and of the trainer, each with
 * its versions, loaded when they should be, found by name and version, explained afterwards.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf, toStrataError } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/random.ts";
import type { InferenceRuntimes } from "../../ports/inference-model.ts";
import type { ModelRepository } from "../../ports/model-repository.ts";
import type { Logger, Meter } from "../../ports/telemetry.ts";
import { createGraphModel } from "../graphs/graph-model.ts";
import type { GraphHost } from "../graphs/graph-model.ts";
import type { BatchNote, InferenceAnswer, InferenceRequest, ModelMetadata, ModelServer, ModelStatistics, RepositoryEntry } from "../model-server.ts";
import { createRequestHistory } from "../models/request-history.ts";
import type { RunningVersion } from "../models/running-version.ts";
import { createServingInstruments } from "../models/version-statistics.ts";
import { chooseEvictions } from "./memory-budget.ts";
import { describeConfig } from "./model-config.ts";
import { isSamePlan } from "./model-plan.ts";
import type { ModelPlan } from "./model-plan.ts";
import { planOfLoad, planOfRepositoryModel } from "./repository-plan.ts";
import { createServedShelf } from "./served-shelf.ts";
import type { ServedShelf } from "./served-shelf.ts";
import { createTrainedShelf } from "./trained-shelf.ts";
import type { TrainedModels } from "./trained-shelf.ts";
import { createVersionOpener, loadFailure } from "./version-opener.ts";
import { unavailable } from "./version-slot.ts";
import type { VersionSlot } from "./version-slot.ts";

export interface ModelServerOptions {
  readonly name: string;
  readonly version: string;
  readonly trained: TrainedModels;
  readonly runtimes: InferenceRuntimes;
  /** Where `load` finds models that no definition names; none when absent. */
  readonly repository?: ModelRepository;
  /** Memory that loaded models may hold together. Default: no bound. */
  readonly memoryBytes?: number;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
  /** For splits of callers without a name. */
  readonly random: Pick<Random, "next">;
}

export interface LocalModelServer extends ModelServer, AsyncDisposable {
  /** Serves exactly these plans beside the repository and the trained models; resolves when those that load at the start are loaded or failed. */
  apply(plans: readonly ModelPlan[]): Promise<void>;
  /** Graphs ask their members through this server, which may divide their traffic; through itself when never called. */
  askMembersThrough(server: Pick<ModelServer, "infer">): void;
}

/** Requests that may wait for one version to load; each holds its tensors. */
const MAX_HELD_REQUESTS = 10_000;
const UNLOADED = "unloaded";
const NEVER_RAN: BatchNote = { batch: "", reason: "instance was free", requests: 0, rows: 0, queuedMs: 0, runMs: 0, waiting: 0 };

export function createModelServer(options: ModelServerOptions): LocalModelServer {
  const { clock, logger, repository, memoryBytes = Number.POSITIVE_INFINITY } = options;
  const trained = createTrainedShelf(options.trained);
  const shelves = new Map<string, ServedShelf>();
  /** Models that a definition brought; a repository folder may not take them over. */
  let defined: ReadonlyMap<string, ModelPlan> = new Map();
  /** Why a model of the repository cannot even be planned. */
  const broken = new Map<string, string>();
  /** Models that the server must have before it is ready. */
  const required = new Set<string>();
  const history = createRequestHistory();
  const held = new Map<VersionSlot, number>();
  let isClosed = false;
  let members: Pick<ModelServer, "infer"> = { infer: (request) => infer(request) };

  const openVersion = createVersionOpener({
    runtimes: options.runtimes, clock, instruments: createServingInstruments(options.meter), openGraph: ({ graph }) => createGraphModel(graph, graphHost),
  });
  const graphHost: GraphHost = {
    signature: async (model, version) => {
      const { inputs, properties } = peek(model, version) ?? await bring(model, version);
      return { inputs, columns: properties?.["columns"]?.split(",") ?? [] };
    },
    infer: (request) => members.infer(request),
    draw: () => options.random.next(),
  };
  const open = async (plan: ModelPlan, version: string): Promise<RunningVersion> => {
    const opened = await openVersion(plan, version);
    try {
      await makeRoom(opened);
      return opened;
    } catch (thrown) {
      await opened.close();
      throw thrown;
    }
  };
  const makeRoom = async ({ model, memoryBytes: neededBytes }: RunningVersion): Promise<void> => {
    if (memoryBytes === Number.POSITIVE_INFINITY) return;
    const holders = [...shelves.values()].flatMap((shelf) => shelf.slots().flatMap((slot) => (slot.current === undefined ? [] : [{
      slot, memoryBytes: slot.current.memoryBytes, lastUsedMs: slot.lastUsedMs, isInUse: shelf.plan.load === "start" || slot.current.inFlight() > 0,
    }])));
    const evicted = chooseEvictions(holders, neededBytes, memoryBytes);
    if (evicted === undefined) throw new StrataError("MODEL_MEMORY_EXCEEDED", { model, neededBytes, budgetBytes: memoryBytes }, { retryAfterSeconds: 5 });
    for (const { slot } of evicted) logger.log("info", "a model was unloaded to make room", { model: slot.model, version: slot.version, for: model });
    await Promise.all(evicted.map(({ slot }) => slot.unload(`made room for "${model}"`)));
  };

  const shelfOf = (model: string): ServedShelf => {
    const shelf = shelves.get(model);
    if (shelf === undefined) throw new StrataError("MODEL_NOT_FOUND", { model, known: names().join(", ") });
    return shelf;
  };
  const names = (): readonly string[] => [...new Set([...shelves.keys(), ...trained.names()])].toSorted();

  /** The version in memory that answers, without waiting; undefined: it must be loaded first. */
  const peek = (model: string, version: string | undefined): RunningVersion | undefined => {
    if (trained.has(model)) return trained.peek(model, version);
    const slot = shelfOf(model).slotFor(version);
    slot.lastUsedMs = clock.monotonicMs();
    return slot.current;
  };
  const bring = async (model: string, version: string | undefined): Promise<RunningVersion> => {
    if (trained.has(model)) return trained.version(model, version);
    const shelf = shelfOf(model);
    const slot = shelf.slotFor(version);
    const entry = slot.entry();
    if (shelf.isHeldBack || isClosed || (entry.state === "UNAVAILABLE" && !slot.mayTryAgain())) throw unavailable(slot, entry);
    const waiting = held.get(slot) ?? 0;
    if (waiting >= MAX_HELD_REQUESTS) throw new StrataError("QUEUE_FULL", { model, waiting }, { retryAfterSeconds: 1 });
    held.set(slot, waiting + 1);
    try {
      return await slot.ensure();
    } catch (thrown) {
      throw toStrataError(thrown).code === "MODEL_LOAD_FAILED" ? unavailable(slot, slot.entry()) : thrown; // whoever asks for an inference did nothing wrong
    } finally {
      const left = held.get(slot)! - 1;
      if (left === 0) held.delete(slot);
      else held.set(slot, left);
    }
  };

  const infer = async (request: InferenceRequest): Promise<InferenceAnswer> => {
    const startedAtMs = clock.monotonicMs();
    const atMs = clock.now();
    const { id, model, variant } = request;
    let version = request.version ?? "";
    try {
      let running = peek(model, request.version) ?? await bring(model, request.version);
      let answer;
      try {
        version = running.version;
        answer = await running.answer(request);
      } catch (thrown) {
        if (!isClosedMeanwhile(thrown) || isClosed) throw thrown;
        running = await bring(model, request.version); // it was swapped between finding and asking it
        version = running.version;
        answer = await running.answer(request);
      }
      history.remember({ id, model, version, variant, atMs, code: undefined, note: answer.note });
      return { model, version, ...(variant === undefined ? {} : { variant }), outputs: answer.outputs, note: answer.note };
    } catch (thrown) {
      const error = toStrataError(thrown);
      history.remember({ id, model, version, variant, atMs, code: error.code, reason: error.message, note: { ...NEVER_RAN, queuedMs: clock.monotonicMs() - startedAtMs } });
      throw error;
    }
  };

  const metadata = async (model: string, version?: string): Promise<ModelMetadata> => {
    const { platform, inputs, outputs, properties, version: found } = peek(model, version) ?? await bring(model, version);
    const ready = version === undefined ? index({ isReady: true }).filter((entry) => entry.name === model).map((entry) => entry.version) : [found];
    return { name: model, versions: ready, platform, inputs, outputs, ...(properties && { properties }) };
  };

  const index = (filter?: { readonly isReady?: boolean }): readonly RepositoryEntry[] => {
    const known = [...[...shelves.values()].flatMap((shelf) => shelf.entries()), ...trained.entries()];
    const folders = (repository?.names() ?? []).filter((name) => !shelves.has(name) && !trained.has(name));
    const unloaded = folders.map((name): RepositoryEntry => ({ name, version: "", state: "UNAVAILABLE", reason: broken.get(name) ?? "not loaded yet" }));
    const all = [...known, ...unloaded].toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    return filter?.isReady === undefined ? all : all.filter((entry) => (entry.state === "READY") === filter.isReady);
  };

  const put = async (plan: ModelPlan): Promise<void> => {
    if (plan.load === "start") required.add(plan.name);
    else required.delete(plan.name);
    const known = shelves.get(plan.name);
    if (known) return isSamePlan(known.plan, plan) ? undefined : known.replan(plan);
    const shelf = createServedShelf({ plan, clock, open });
    shelves.set(plan.name, shelf);
    if (plan.load !== "start") return;
    await shelf.load().catch((thrown: unknown) => logger.log("error", "a model could not be loaded", { model: plan.name, reason: reasonOf(thrown) }));
  };
  /** Models of the repository that nobody serves yet; one that cannot be planned must not keep the others away. */
  const newInRepository = (): readonly ModelPlan[] => (repository?.names() ?? []).filter((name) => !defined.has(name) && !shelves.has(name) && !trained.has(name)).flatMap((name) => {
    try {
      return [planOfRepositoryModel(repository!.read(name)!)];
    } catch (thrown) {
      broken.set(name, reasonOf(thrown));
      logger.log("error", "a model of the repository cannot be served", { model: name, reason: reasonOf(thrown) });
      return [];
    }
  });
  const remove = async (model: string): Promise<void> => {
    const shelf = shelves.get(model);
    shelves.delete(model);
    required.delete(model);
    await shelf?.unload("left the definition");
  };

  const load: ModelServer["load"] = async (model, loadOptions = {}) => {
    if (trained.has(model)) {
      if (loadOptions.config !== undefined || loadOptions.files !== undefined) throw new StrataError("MODEL_LOAD_FAILED", { model, reason: "it is trained here; its definition is its configuration" });
      trained.release(model);
      await trained.version(model, undefined);
      return;
    }
    const known = shelves.get(model);
    const stored = defined.has(model) ? undefined : repository?.read(model);
    const plan = planOfLoad(model, defined.get(model) ?? (stored ? planOfRepositoryModel(stored) : known?.plan), loadOptions);
    if (plan === undefined) throw new StrataError("MODEL_NOT_FOUND", { model, known: names().join(", ") });
    if (known === undefined) shelves.set(model, createServedShelf({ plan, clock, open }));
    const shelf = shelves.get(model)!;
    try {
      await shelf.load(plan);
    } catch (thrown) {
      throw loadFailure(model, thrown);
    }
  };

  const unload: ModelServer["unload"] = async (model, unloadOptions = {}) => {
    if (trained.has(model)) return trained.holdBack(model);
    const shelf = shelfOf(model);
    await shelf.unload(UNLOADED);
    if (unloadOptions.unloadDependents) await Promise.all(membersOf(shelf.plan).filter((name) => shelves.has(name)).map((name) => shelves.get(name)!.unload(UNLOADED)));
  };

  const statistics = (model?: string, version?: string): readonly ModelStatistics[] => {
    if (model !== undefined && !trained.has(model)) shelfOf(model);
    const served = [...shelves.values()].flatMap((shelf) => shelf.slots().flatMap((slot) => slot.current ?? []));
    return [...served, ...trained.loaded()].filter((one) => (model === undefined || one.model === model) && (version === undefined || one.version === version)).map((one) => one.statistics());
  };

  const server: LocalModelServer = {
    name: options.name, version: options.version,
    isLive: () => true,
    isReady: () => !isClosed && [...required].every((name) => shelves.get(name)!.isHeldBack || shelves.get(name)!.slots().every((slot) => slot.current !== undefined)),
    models: names,
    isModelReady: async (model, version) => {
      try {
        return trained.has(model) ? await trained.version(model, version).then(() => true) : peek(model, version) !== undefined;
      } catch (thrown) {
        if (toStrataError(thrown).code === "MODEL_NOT_FOUND") throw thrown;
        return false;
      }
    },
    metadata,
    config: async (model, version) => {
      const running = peek(model, version) ?? await bring(model, version);
      return describeConfig(running, shelves.get(model)?.plan);
    },
    infer, index, load, unload, statistics,
    explain: (query) => history.find(query),
    askMembersThrough: (through) => { members = through; },
    apply: async (plans) => {
      const gone = [...defined.keys()].filter((name) => !plans.some((plan) => plan.name === name));
      defined = new Map(plans.map((plan) => [plan.name, plan]));
      await Promise.all([...plans, ...newInRepository()].map(put));
      await Promise.all(gone.map(remove));
    },
    [Symbol.asyncDispose]: async () => {
      isClosed = true;
      await Promise.all([...shelves.values()].map((shelf) => shelf.unload("the server is closing")));
    },
  };
  return server;
}

/** A version that was replaced or unloaded after the request found it. */
function isClosedMeanwhile(thrown: unknown): boolean {
  return toStrataError(thrown).code === "CLOSED";
}

/** Models that a graph asks. */
function membersOf(plan: ModelPlan): readonly string[] {
  return [...plan.versions.values()].flatMap((source) => (source.kind === "graph" ? source.graph.members.map((member) => member.name) : []));
}
