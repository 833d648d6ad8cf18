/**
 * Data quality over the platform's parts: checks of the lake, what a training may learn from, profiles, contracts.
 * The live side is `data/quality/quality-monitor.ts`; this is what people and pipelines ask for.
 */
import { checkLake, compareTables, createProfileStore, describeContract, failuresOf, summariseTable } from "../data/index.ts";
import type { DataContract, HeldSnapshot, Lake, LakeCheckReport, QualityMonitor, TableProfile } from "../data/index.ts";
import type { Application, Model, RuleNode } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";
import type { ColumnDrift } from "../observe/index.ts";
import type { Analytics } from "../ports/analytics.ts";
import type { SqlDatabase } from "../ports/sql.ts";

export interface QualityWork {
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

export interface CheckRequest {
  readonly stream: string;
  /** Default: what the lake has now. */
  readonly snapshot?: string | undefined;
}

export interface CheckReport {
  readonly stream: string;
  readonly snapshot: string;
  readonly rows: number;
  /** One per set of expectations of the stream. */
  readonly reports: readonly LakeCheckReport[];
  /** No rule fails. */
  readonly passed: boolean;
  readonly elapsedMs: number;
}

export interface ProfileRequest {
  readonly stream: string;
  readonly snapshot?: string | undefined;
  /** An earlier snapshot to compare with. */
  readonly compare?: string | undefined;
}

export interface StreamProfile extends TableProfile {
  readonly stream: string;
  readonly snapshot: string;
  readonly files: number;
  readonly filesRead: number;
  readonly elapsedMs: number;
  readonly comparison?: { readonly snapshot: string; readonly rows: number; readonly columns: readonly ColumnDrift[] };
}

export interface QualityLayer {
  /** SNAPSHOT_NOT_FOUND, STREAM_NOT_FOUND; NOT_FOUND when the stream has no expectations. */
  check(request: CheckRequest, work?: QualityWork): Promise<CheckReport>;
  /** Raises TRAINING_DATA_REFUSED when a stop rule fails on what the model would learn from, or a stream of it is stopped. */
  checkTraining(model: Model, signal: AbortSignal): Promise<void>;
  profile(request: ProfileRequest, work?: QualityWork): Promise<StreamProfile>;
  /** The newest profile that was made of a stream since the start. */
  lastProfile(stream: string): StreamProfile | undefined;
  contract(stream: string): DataContract;
  /** What stands against learning from the model's streams now, by what is known of them live. */
  liveObstacle(model: Model): string | undefined;
}

export interface QualityLayerOptions {
  readonly application: () => Application;
  readonly dataQuality: QualityMonitor;
  readonly lake: Lake;
  readonly analytics: Analytics;
  readonly database: SqlDatabase;
  readonly temporaryFolder: string;
  readonly clock: Clock;
}

const isStop = ({ action }: RuleNode): boolean => action === "stop";

export function createQualityLayer(options: QualityLayerOptions): QualityLayer {
  const { application, dataQuality, lake, analytics, temporaryFolder, clock } = options;
  const profiles = createProfileStore(options);
  const latest = new Map<string, StreamProfile>();

  /** A named snapshot, or what the lake has now; no file of it goes away until disposed. */
  const hold = async (stream: string, id: string | undefined, signal: AbortSignal | undefined): Promise<HeldSnapshot> => {
    const { streams } = application();
    if (!streams.has(stream)) throw new StrataError("STREAM_NOT_FOUND", { stream, known: [...streams.keys()].join(", ") });
    if (id === undefined) await lake.flush(stream, signal === undefined ? {} : { signal });
    return lake.hold(id);
  };
  const setsOf = (stream: string) => [...application().expectations.values()].filter(({ of }) => of.name === stream);
  const shared = { lake, analytics, temporaryFolder };

  const check: QualityLayer["check"] = async ({ stream, snapshot: id }, { onProgress, signal } = {}) => {
    const startedMs = clock.monotonicMs();
    const sets = setsOf(stream);
    using held = await hold(stream, id, signal);
    const { snapshot } = held;
    if (sets.length === 0) throw new StrataError("NOT_FOUND", { kind: "expectations of a stream", name: stream, known: [...new Set([...application().expectations.values()].map(({ of }) => of.name))].join(", ") });
    const reports: LakeCheckReport[] = [];
    for (const [at, expectations] of sets.entries()) {
      const progress = (share: number): void => onProgress?.((at + share) / sets.length);
      reports.push(await checkLake(expectations, { ...shared, snapshot, nowMs: clock.now(), onProgress: progress, signal }));
    }
    await dataQuality.history.record(reports.flatMap(({ verdicts, endOffset }) => verdicts.map((verdict) => ({ verdict, source: "lake" as const, place: endOffset, atMs: clock.now() }))));
    const passed = reports.every(({ verdicts }) => failuresOf(verdicts).length === 0);
    return { stream, snapshot: snapshot.id, rows: reports[0]!.rows, reports, passed, elapsedMs: clock.monotonicMs() - startedMs };
  };

  const profile: QualityLayer["profile"] = async ({ stream, snapshot: id, compare }, { onProgress, signal } = {}) => {
    const startedMs = clock.monotonicMs();
    using held = await hold(stream, id, signal);
    const { snapshot } = held;
    const fields = Object.keys(application().streams.get(stream)!.schema.shape);
    const { table, files, filesRead } = await profiles.sketch(stream, { snapshot, fields, signal, onProgress: (share) => onProgress?.(compare === undefined ? share : share / 2) });
    using heldBefore = compare === undefined ? undefined : await lake.hold(compare);
    const before = heldBefore?.snapshot;
    const earlier = before && await profiles.sketch(stream, { snapshot: before, fields, signal, onProgress: (share) => onProgress?.(0.5 + share / 2) });
    const made: StreamProfile = {
      stream, snapshot: snapshot.id, files, filesRead, ...summariseTable(table), elapsedMs: clock.monotonicMs() - startedMs,
      ...(before && earlier ? { comparison: { snapshot: before.id, rows: earlier.table.rows, columns: compareTables(earlier.table, table) } } : {}),
    };
    if (id === undefined) latest.set(stream, made);
    return made;
  };

  const liveObstacle = (model: Model): string | undefined => {
    const streams = streamsOf(model);
    for (const stream of streams) {
      const stop = dataQuality.stopOf(stream);
      if (stop !== undefined) return `stream "${stream}" is stopped: ${stop.reason}`;
    }
    const failing = dataQuality.states().filter(({ stream }) => streams.has(stream)).flatMap(({ verdicts }) => verdicts).find(({ action, status }) => action === "stop" && status === "failing");
    return failing && `rule ${failing.expectations}.${failing.rule} fails: ${failing.sentence}`;
  };

  return {
    check, profile, liveObstacle,
    lastProfile: (stream) => latest.get(stream),
    contract: (stream) => describeContract(application(), stream),
    checkTraining: async (model, signal) => {
      for (const stream of streamsOf(model)) {
        const refuse = (reason: string): StrataError => new StrataError("TRAINING_DATA_REFUSED", { model: model.name, stream, reason });
        const stop = dataQuality.stopOf(stream);
        if (stop !== undefined) throw refuse(`stream "${stream}" is stopped because rule ${stop.expectations}.${stop.rule} failed. ${stop.reason}`);
        const sets = setsOf(stream).filter(({ rules }) => Object.values(rules).some(isStop));
        if (sets.length === 0) continue;
        using held = await hold(stream, undefined, signal);
        const fromOffset = dataQuality.acceptanceOf(stream)?.nextOffset ?? 0;
        for (const expectations of sets) {
          const { verdicts } = await checkLake(expectations, { ...shared, snapshot: held.snapshot, nowMs: clock.now(), fromOffset, only: isStop, signal });
          const [failed] = failuresOf(verdicts);
          if (failed !== undefined) throw refuse(`rule ${failed.expectations}.${failed.rule} fails. ${failed.sentence}`);
        }
      }
    },
  };
}

/** Every stream that a model learns from: its examples, its label and its features. */
export function streamsOf(model: Model): ReadonlySet<string> {
  const { examples, label, features } = model;
  const streams = new Set<string>();
  const addProvider = (provider: Model["features"][number]): void => {
    if (provider.kind === "feature-view") streams.add(provider.from.name);
    else if (provider.kind === "candidates") for (const { from } of provider.interactions) streams.add(from.name);
    else for (const source of provider.from) addProvider(source);
  };
  for (const provider of features) addProvider(provider);
  if (examples.kind === "each-event") streams.add(examples.from.name);
  else addProvider(examples.candidates);
  if (label.kind === "happens-within") streams.add(label.from.name);
  return streams;
}
