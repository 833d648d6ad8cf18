/**
 * Where trainings are asked for and followed: runs the pipeline for the controller, remembers progress for the console
 * and reports for callers, and gives serving and monitoring what a version left behind.
 */
import type { Lake } from "../data/index.ts";
import type { Application, Model } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";
import { categoriesOf, readProfile, readTrees, trainModel } from "../modelops/index.ts";
import type { Experiments, Registry, RunTrigger, TrainingProfile, TrainingReport, TrainingStep } from "../modelops/index.ts";
import type { TrainedVersion } from "../operate/index.ts";
import type { ModelRuntime } from "../ports/model-runtime.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { ServableVersion } from "../serving/index.ts";
import type { Engines } from "./engines.ts";
import { strataVersion } from "./version.ts";

export interface TrainingDesk {
  train(model: Model, trigger: RunTrigger): Promise<TrainedVersion>;
  /** The training in progress, if any. */
  progress(model: string): TrainingStep | undefined;
  /** Passes progress on, and the caller's cancellation in, until disposed. */
  follow(model: string, follower: { readonly onProgress: ((step: TrainingStep) => void) | undefined; readonly signal: AbortSignal | undefined }): Disposable;
  /** Cancels the training in progress and every later one: the platform closes. */
  stop(): void;
  /** The report of a version trained by this process. */
  report(model: string, version: number): TrainingReport;
  servable(model: string, version: number): Promise<ServableVersion>;
  profileOf(model: string, version: number): Promise<{ readonly profile: TrainingProfile; readonly columns: readonly string[] }>;
  /** Events in the model's example stream since the run with these parameters. */
  newEvents(model: Model, parameters: Readonly<Record<string, unknown>> | undefined): number;
}

export interface TrainingDeskOptions {
  readonly application: () => Application;
  readonly engines: Engines;
  readonly lake: Lake;
  readonly experiments: Experiments;
  readonly registry: Registry;
  readonly runtime: ModelRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly threads: number;
  /** Raises TRAINING_DATA_REFUSED when the data must not be learned from. */
  readonly checkData: (model: Model, signal: AbortSignal) => Promise<void>;
}

interface Follower {
  readonly onProgress: ((step: TrainingStep) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

export function createTrainingDesk(options: TrainingDeskOptions): TrainingDesk {
  const { application, engines, registry } = options;
  const { blobs, log } = engines;
  const steps = new Map<string, TrainingStep>();
  const followers = new Map<string, Set<Follower>>();
  const stopping = new AbortController();
  const reports = new Map<string, TrainingReport>();
  const environment = { node: process.versions.node, strata: strataVersion(), platform: `${process.platform}-${process.arch}` };

  const exampleOffset = ({ examples }: Model): number =>
    log.statistics((examples.kind === "each-event" ? examples.from : examples.candidates.interactions[0]!.from).name).nextOffset;

  return {
    train: async (model, trigger) => {
      const following = followers.get(model.name) ?? new Set<Follower>();
      const signals = [...following].flatMap(({ signal }) => (signal ? [signal] : []));
      const onStep = (step: TrainingStep): void => {
        steps.set(model.name, step);
        for (const { onProgress } of following) onProgress?.(step);
      };
      try {
        await options.checkData(model, AbortSignal.any([stopping.signal, ...signals]));
        const report = await trainModel({ ...options, application: application(), blobs, environment }, {
          model, trigger, exampleOffset: exampleOffset(model), onStep, signal: AbortSignal.any([stopping.signal, ...signals]),
        });
        reports.set(`${model.name}@${report.version}`, report);
        return { version: report.version, passed: report.passed, gates: report.verdicts, reason: reasonFor(report) };
      } finally {
        steps.delete(model.name);
      }
    },
    progress: (model) => steps.get(model),
    follow: (model, follower) => {
      const set = followers.get(model) ?? new Set<Follower>();
      followers.set(model, set.add(follower));
      return { [Symbol.dispose]: () => { set.delete(follower); } };
    },
    stop: () => stopping.abort(),
    report: (model, version) => {
      const report = reports.get(`${model}@${version}`);
      if (report === undefined) throw new StrataError("MODEL_VERSION_NOT_FOUND", { model, version });
      return report;
    },
    servable: async (model, version) => {
      const registered = await registry.version(model, version);
      const columns = registered.signature.inputs.map((input) => input.name);
      return { model, version, artifact: await readTrees(blobs, registered), columns, categories: categoriesOf(registered), ...(registered.features ? { features: registered.features } : {}) };
    },
    profileOf: async (model, version) => {
      const registered = await registry.version(model, version);
      return { profile: await readProfile(blobs, registered), columns: registered.signature.inputs.map((input) => input.name) };
    },
    newEvents: (model, parameters) => {
      const before = parameters?.["exampleOffset"];
      return typeof before === "number" ? exampleOffset(model) - before : 0;
    },
  };
}

function reasonFor({ gates, passed }: TrainingReport): string {
  if (gates.length === 0) return "The model declares no gate, so nothing may be promoted without an explicit decision.";
  const failed = gates.filter((gate) => !gate.passed);
  return passed ? `all ${gates.length} gate conditions passed. ${gates.map((gate) => gate.reason).join(" ")}` : `${failed.length} of ${gates.length} gate conditions failed. ${failed.map((gate) => gate.reason).join(" ")}`;
}
