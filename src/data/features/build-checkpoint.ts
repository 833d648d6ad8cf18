/**
 * Where views that are being built stand, each under a name of its own beside that of the state in service, so that a
 * restart goes on with a long build instead of beginning it anew. What cannot be used is forgotten: the build begins anew.
 */
import { reasonOf } from "../../kernel/errors.ts";
import type { FeatureView } from "../../define/index.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { createTurns } from "../lake/turns.ts";
import type { StoreOptions } from "./entity-store.ts";
import { hashViewState, saveViewState } from "./view-checkpoint.ts";
import type { LogBounds } from "./view-checkpoint.ts";
import { decodeViewState } from "./view-snapshot.ts";
import type { ViewState } from "./view-state.ts";

export interface BuildCheckpoints {
  /** The state to go on with; undefined when there is none of this definition that what can be read continues. */
  load(view: FeatureView, bounds: LogBounds, options: StoreOptions): Promise<ViewState | undefined>;
  /** A save that fails is logged: the build goes on, and the next one tries again. */
  save(state: ViewState): Promise<void>;
  forget(view: string): Promise<void>;
  /** Forgets the views that are not among these. */
  forgetOthers(views: ReadonlyMap<string, unknown>): Promise<void>;
  /** Resolves when everything asked for before is done. */
  idle(): Promise<void>;
}

const PREFIX = "feature-view-build/";

export function createBuildCheckpoints(states: StateStore, logger: Logger): BuildCheckpoints {
  const turns = createTurns(); // a save under way must not outlive the order to forget it
  const tell = (view: string, what: string) => (thrown: unknown): void =>
    logger.log("warn", `Where the build of feature view "${view}" stands could not be ${what}: ${reasonOf(thrown)}`, { view });
  const forget = (view: string): Promise<void> => turns.run(() => states.delete(PREFIX + view)).catch(tell(view, "deleted"));

  const find = async (view: FeatureView, { oldestOffset, nextOffset }: LogBounds, options: StoreOptions): Promise<ViewState | undefined> => {
    const checkpoint = await states.load(PREFIX + view.name);
    if (checkpoint === undefined) return undefined;
    const offset = checkpoint.offsets[view.from.name] ?? -1;
    if (offset < oldestOffset || offset > nextOffset) throw new Error(`it stands at offset ${offset}, and offsets ${oldestOffset} to ${nextOffset} can be read`);
    const state = decodeViewState(view, hashViewState(view), checkpoint.bytes, options);
    if (state.progress.nextOffset === offset) return state;
    state.store.close();
    throw new Error("it names another offset");
  };

  return {
    load: (view, bounds, options) => turns.run(() => find(view, bounds, options)).catch(async (thrown: unknown) => {
      logger.log("info", `The build of feature view "${view.name}" begins anew: ${reasonOf(thrown)}`, { view: view.name });
      await forget(view.name);
      return undefined;
    }),
    save: (state) => turns.run(() => saveViewState(state, states, PREFIX + state.view.name)).catch(tell(state.view.name, "saved")),
    forget,
    forgetOthers: async (views) => {
      const left = (await states.names()).filter((name) => name.startsWith(PREFIX)).map((name) => name.slice(PREFIX.length)).filter((view) => !views.has(view));
      for (const view of left) await forget(view);
    },
    idle: turns.idle,
  };
}
