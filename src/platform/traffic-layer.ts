/**
 * The traffic of served models in this process: the model server with divided traffic, and the desk that moves it.
 * States lie in a file of their own, so that `strata up` and `strata serve` on one data folder agree.
 */
import { systemClock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";
import type { Logger, Meter } from "../ports/telemetry.ts";
import { createTrafficBook, createTrafficDesk, createTrafficServer, createTrafficStore } from "../serving/index.ts";
import type { ModelServer, TrafficBook, TrafficDesk, TrafficRecord, TrafficServer } from "../serving/index.ts";
import { openTrafficDatabase } from "./profile-engines.ts";
import type { Profile } from "./profile.ts";
import { repeatWork } from "./repeating-work.ts";

export interface TrafficLayer extends AsyncDisposable {
  readonly server: TrafficServer;
  readonly desk: TrafficDesk;
  /** What this process answers by and has counted. */
  readonly book: TrafficBook;
}

export interface TrafficLayerOptions {
  readonly server: ModelServer;
  readonly dataDir: string;
  readonly profile: Profile;
  readonly logger: Logger;
  readonly meter: Meter;
  /** Models whose versions come from training and move by their own gates and rollouts. */
  readonly isTrained: (model: string) => boolean;
  readonly onMove?: (record: TrafficRecord) => void;
}

/** A canary that does harm is stopped within some of these. */
export const TRAFFIC_TICK_MS = 1_000;

export async function openTrafficLayer({ server, dataDir, profile, logger, meter, isTrained, onMove }: TrafficLayerOptions): Promise<TrafficLayer> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await openTrafficDatabase({ dataDir, profile }));
  const book = createTrafficBook({ draw: Math.random });
  const traffic = stack.use(createTrafficServer({ server, book, clock: systemClock, meter }));
  const desk = createTrafficDesk({
    store: createTrafficStore(database), clock: systemClock, logger,
    warm: (model, version) => warmVersion(server, model, version),
    defaultVersion: (model) => {
      if (isTrained(model)) throw new StrataError("REQUEST_INVALID", { reason: `"${model}" is trained here: its versions move by gates and \`strata rollout\`.` });
      return defaultVersionOf(server, model);
    },
    apply: (states) => book.put(states), counts: () => book.counts(), tallies: () => book.tallies(), ...(onMove && { onMove }),
  });
  await desk.open();
  stack.use(repeatWork({ name: "judging the traffic of served models", everyMs: TRAFFIC_TICK_MS, logger, work: () => desk.tick() }));
  const owned = stack.move();
  return { server: traffic, desk, book, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Loads it if need be; an alias is answered with the version it names. */
export async function warmVersion(server: Pick<ModelServer, "metadata">, model: string, version: string): Promise<string> {
  return (await server.metadata(model, version)).versions[0] ?? version;
}

/** The newest version that is ready: what a request without a version gets. */
export async function defaultVersionOf(server: Pick<ModelServer, "metadata">, model: string): Promise<string> {
  const version = (await server.metadata(model)).versions.at(-1);
  if (version === undefined) throw new StrataError("MODEL_NOT_READY", { model });
  return version;
}
