/**
 * A view's checkpoint: its snapshot stored with the offset it stands at, in one atomic step. A checkpoint that cannot
 * be used is not an error but a reason to build the view from the log again, and the reason is logged.
 */
import { hashOf } from "../../kernel/hash.ts";
import { reasonOf } from "../../kernel/errors.ts";
import { hashFeatureView } from "../../define/index.ts";
import type { FeatureView } from "../../define/index.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { fieldKinds } from "../lake/field-kind.ts";
import { compactDictionaries } from "./dictionary-compaction.ts";
import { fieldsOfView } from "./event-fields.ts";
import type { StoreOptions } from "./entity-store.ts";
import { decodeViewState, encodeViewState } from "./view-snapshot.ts";
import { createViewState } from "./view-state.ts";
import type { ViewState } from "./view-state.ts";

/**
 * Hash of what a view's state depends on: its definition, the order of its features, which is that of the columns, and
 * the kinds its stream's schema gives the fields it reads.
 */
export function hashViewState(view: FeatureView): string {
  const kinds = fieldKinds(view.from.schema);
  return hashOf({ view: hashFeatureView(view), features: Object.keys(view.features), kinds: Object.fromEntries([...fieldsOfView(view)].map((field) => [field, kinds.get(field)])) });
}

const nameOf = (view: string): string => `feature-view/${view}`;

/** Offsets that can still be read: from the log and, where there is one, the history before it. */
export interface LogBounds {
  readonly oldestOffset: number;
  readonly nextOffset: number;
}

export interface LoadOptions extends StoreOptions {
  readonly log: LogBounds;
  readonly logger: Logger;
}

/** The view's state from its checkpoint, or an empty one that stands at the beginning of the log. */
export async function loadViewState(view: FeatureView, states: StateStore, { log, logger, ...options }: LoadOptions): Promise<ViewState> {
  const empty = (reason: string): ViewState => {
    logger.log("info", `Feature view "${view.name}" is built from the log: ${reason}`, { view: view.name, events: log.nextOffset - log.oldestOffset });
    return startAt(createViewState(view, options), log, logger);
  };
  try {
    const checkpoint = await states.load(nameOf(view.name));
    if (checkpoint === undefined) return empty("it has no checkpoint");
    const state = decodeViewState(view, hashViewState(view), checkpoint.bytes, options);
    const discard = (reason: string): ViewState => {
      state.store.close();
      return empty(reason);
    };
    if (state.progress.nextOffset !== checkpoint.offsets[view.from.name]) return discard("its checkpoint names another offset");
    if (state.progress.nextOffset > log.nextOffset) return discard(`its checkpoint stands at offset ${state.progress.nextOffset}, beyond the log's end ${log.nextOffset}`);
    return startAt(state, log, logger);
  } catch (thrown) {
    return empty(reasonOf(thrown));
  }
}

/** A state that is behind the log's oldest event goes on from there, and says what it misses. */
export function startAt(state: ViewState, log: LogBounds, logger: Logger): ViewState {
  const { progress, view } = state;
  if (progress.nextOffset >= log.oldestOffset) return state;
  logger.log("warn", `Feature view "${view.name}" misses the events ${progress.nextOffset} to ${log.oldestOffset - 1} of stream "${view.from.name}": retention has removed them from the log, and the lake has not all of them`, { view: view.name, stream: view.from.name });
  progress.nextOffset = log.oldestOffset;
  return state;
}

/** Saves the state as it is now; it may go on changing while the bytes are written. */
export async function saveViewState(state: ViewState, states: StateStore, name = nameOf(state.view.name)): Promise<void> {
  const { view, store, plan, progress } = state;
  compactDictionaries(store, plan);
  const bytes = encodeViewState(state, hashViewState(view));
  await states.save(name, { offsets: { [view.from.name]: progress.nextOffset }, bytes });
}

export async function deleteViewState(view: string, states: StateStore): Promise<void> {
  await states.delete(nameOf(view));
}
