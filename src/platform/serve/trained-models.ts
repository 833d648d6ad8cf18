/**
 * Trained models for a serving process: read from the registry and blobs of a data folder that another process owns.
 * Nothing is written. The champion is looked up every second; without a registry there are none.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Application } from "../../define/index.ts";
import { openEmbeddedBlobReader } from "../../engines/embedded/blob-reader.ts";
import { treesRuntime } from "../../engines/trees/trees-runtime.ts";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { createIdSource } from "../../kernel/ids.ts";
import { categoriesOf, createRegistry, readTrees } from "../../modelops/index.ts";
import type { Registry } from "../../modelops/index.ts";
import type { Logger, Meter } from "../../ports/telemetry.ts";
import { createModelPool } from "../../serving/index.ts";
import type { ModelPool, ServableVersion } from "../../serving/index.ts";
import { openBlobs, openDatabase } from "../profile-engines.ts";
import { EMBEDDED_PROFILE, type Environment, type Profile } from "../profile.ts";
import { repeatWork } from "../repeating-work.ts";

export interface ServedTrainedModels extends AsyncDisposable {
  readonly pool: ModelPool;
  champion(model: string): number | undefined;
}

export interface TrainedModelsOptions {
  readonly application: () => Application;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly meter: Meter;
  readonly logger: Logger;
  /** Default: embedded. */
  readonly profile?: Profile;
  readonly environment?: Environment;
}

const LOOK_MS = 1_000;

export async function openTrainedModels({ application, dataDir, clock, meter, logger, profile = EMBEDDED_PROFILE, environment = {} }: TrainedModelsOptions): Promise<ServedTrainedModels> {
  await using stack = new AsyncDisposableStack();
  const file = join(resolve(dataDir), "strata.db");
  const place = { dataDir: resolve(dataDir), profile, clock, logger, environment };
  const isOnServer = profile.addresses.database !== undefined;
  const blobs = profile.addresses.blobs === undefined ? openEmbeddedBlobReader(join(resolve(dataDir), "blobs")) : await openBlobs(place);
  const champions = new Map<string, number>();
  let registry: Registry | undefined;
  const openRegistry = async (): Promise<Registry | undefined> => {
    if (registry !== undefined || application().models.size === 0 || (!isOnServer && !existsSync(file))) return registry;
    const database = stack.use(await openDatabase(place));
    registry = createRegistry({ database, blobs, clock, ids: createIdSource(clock, Math.random) });
    return registry;
  };
  const fetch = async (model: string, version: number): Promise<ServableVersion> => {
    if (registry === undefined) throw new StrataError("MODEL_NOT_READY", { model });
    const registered = await registry.version(model, version);
    return { model, version, artifact: await readTrees(blobs, registered), columns: registered.signature.inputs.map(({ name }) => name), categories: categoriesOf(registered) };
  };
  const pool = stack.use(createModelPool({ runtime: treesRuntime, fetch, clock, meter }));
  const look = async (): Promise<void> => {
    const known = await openRegistry();
    if (known === undefined) return;
    for (const model of application().models.keys()) await follow(known, model);
  };
  const follow = async (known: Registry, model: string): Promise<void> => {
    const { champion } = await known.aliases(model);
    if (champion === undefined || champion === champions.get(model)) return;
    await pool.get(model, champion);
    champions.set(model, champion);
    await pool.keepOnly(model, [champion]);
    logger.log("info", "a trained model's champion is served", { model, version: champion });
  };
  await look().catch((thrown: unknown) => logger.log("warn", "trained models cannot be read yet", { reason: reasonOf(thrown) }));
  stack.use(repeatWork({ name: "looking for champions", everyMs: LOOK_MS, logger, work: look }));
  const owned = stack.move();
  return { pool, champion: (model) => champions.get(model), [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
