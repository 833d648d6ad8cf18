/** What streams do beside taking events: derivations, versions of schemas, replays as operations, how they stand. Opened with the data layer and closed with it. */
import { checkReplay, createDerivationEngine, createOperations } from "../data/index.ts";
import type { DerivationEngine, EventDecoder, FeatureEngine, Operation, OperationControl, Operations } from "../data/index.ts";
import { systemClock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";
import type { IdSource } from "../kernel/ids.ts";
import type { SqlDatabase } from "../ports/sql.ts";
import type { StateStore } from "../ports/state-store.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { ReplayRequest, StreamSources } from "../protocols/admin/stream-routes.ts";
import { repeatWork } from "./repeating-work.ts";
import { createStreamGauges, standingOf, streamNamed, type StandingParts } from "./stream-standing.ts";

export interface StreamLayer extends AsyncDisposable {
  readonly derivations: DerivationEngine;
  readonly operations: Operations;
  /** For the routes. */
  readonly sources: StreamSources;
}

export interface StreamLayerOptions extends Omit<StandingParts, "derivations"> {
  readonly decoder: EventDecoder;
  readonly states: StateStore;
  readonly database: SqlDatabase;
  readonly ids: IdSource;
  readonly logger: Logger;
}

const STOP_DEADLINE_MS = 10_000;
const FOLLOW_MS = 200;

export async function openStreamLayer(options: StreamLayerOptions): Promise<StreamLayer> {
  const { application, database, ids, logger, features, schemas } = options;
  await using stack = new AsyncDisposableStack();
  const derivations = createDerivationEngine({ ...options, store: options.ingestion.storeDerived });
  derivations.start();
  stack.defer(() => derivations.stop(STOP_DEADLINE_MS));
  const parts: StandingParts = { ...options, derivations };
  const handlers = {
    replay: (input: ReplayInput, control: OperationControl, id: string) => replay(options, input, { ...control, id }),
    rebuild: (input: { readonly view: string }, control: OperationControl) => followRebuild(features, input.view, control),
  };
  const operations = createOperations({ database, clock: systemClock, ids, logger, handlers });
  await operations.open();
  stack.defer(() => operations.close());
  const setGauges = createStreamGauges(parts);
  stack.use(repeatWork({ name: "measuring streams", everyMs: 1_000, logger, work: async () => setGauges() }));

  const named = (name: string) => streamNamed(application(), name);
  const sources: StreamSources = {
    standings: () => Promise.all([...application().streams.values()].map((stream) => standingOf(parts, stream))),
    standing: async (name) => standingOf(parts, named(name)),
    schemas: async (name) => schemas.versions(named(name).name),
    judgeSchema: async (name, schema) => schemas.judge(named(name), schema),
    replay: (name, request) => startReplay(options, operations, { ...request, stream: named(name).name }),
    operations: { ...operations, cancel: (id) => cancel(operations, id) },
  };
  const owned = stack.move();
  return { derivations, operations, sources, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

interface ReplayInput {
  readonly derived: string;
  readonly fromMs?: number;
  readonly toMs?: number;
}

async function startReplay({ application }: StreamLayerOptions, operations: Operations, { stream, derived, view, from, to }: ReplayRequest & { readonly stream: string }): Promise<Operation> {
  const { streams, featureViews } = application();
  const derivedFrom = [...streams.values()].filter(({ derivation }) => derivation?.sources.some(({ name }) => name === stream)).map(({ name }) => name);
  const viewsOf = [...featureViews.values()].filter((one) => one.from.name === stream).map(({ name }) => name);
  const refuse = (reason: string): StrataError => new StrataError("REQUEST_INVALID", { reason: `${reason} Derived streams of "${stream}": ${derivedFrom.join(", ") || "none"}; views: ${viewsOf.join(", ") || "none"}.` });
  if ((derived === undefined) === (view === undefined)) throw refuse("Name what to replay into: a derived stream or a view.");
  if (view !== undefined) {
    if (from !== undefined || to !== undefined) throw refuse("A view is built from the whole log; leave out from and to.");
    if (!viewsOf.includes(view)) throw refuse(`Stream "${stream}" has no view "${view}".`);
    return operations.start("rebuild", view, { view });
  }
  if (!derivedFrom.includes(derived!)) throw refuse(`No stream "${derived}" is derived from "${stream}".`);
  const input: ReplayInput = { derived: derived!, ...(from === undefined ? {} : { fromMs: Date.parse(from) }), ...(to === undefined ? {} : { toMs: Date.parse(to) }) };
  return operations.start("replay", derived!, input);
}

function replay(options: StreamLayerOptions, { derived, fromMs, toMs }: ReplayInput, { id, signal, report }: OperationControl & { readonly id: string }): Promise<unknown> {
  const stream = streamNamed(options.application(), derived);
  return checkReplay(options, { stream, fromMs, toMs, signal, id, onProgress: (done, total) => report({ done, total }) });
}

async function followRebuild(features: FeatureEngine, view: string, { signal, report }: OperationControl): Promise<unknown> {
  const rebuild = features.rebuild([view]);
  let isReady = false;
  const ready = rebuild.ready.finally(() => { isReady = true; });
  let last = { done: 0, total: 0 };
  while (!isReady && !signal.aborted) {
    last = rebuild.progress().find((one) => one.view === view) ?? last;
    report(last);
    await Promise.race([ready.catch(() => undefined), systemClock.sleep(FOLLOW_MS)]);
  }
  if (signal.aborted) throw new StrataError("ABORTED", { what: `Building view "${view}"` });
  await ready;
  report({ done: last.total, total: last.total });
  return { view, events: last.total };
}

async function cancel(operations: Operations, id: string): Promise<Operation> {
  const { kind, state } = await operations.get(id);
  if (kind === "rebuild" && state === "running") throw new StrataError("OPERATION_REFUSED", { operation: id, reason: "a view is built to the end; its old state answers meanwhile" });
  return operations.cancel(id);
}

/** The feature engine as readers see it: what is being derived counts as not applied yet, so that a read sees the caller's own event in derived features, too. */
export function waitForDerivations(features: FeatureEngine, derivations: () => DerivationEngine): FeatureEngine {
  return {
    ...features,
    fresh: async (streams, waiting) => {
      const names = [...streams];
      await derivations().fresh(names, waiting?.signal && { signal: waiting.signal });
      await features.fresh(names, waiting);
    },
  };
}
