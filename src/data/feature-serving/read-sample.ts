/**
 * A sample of what readers were given, kept in a log of the platform: the entity, the moment, the offset that was
 * applied and every value, so that the read can be computed again offline and compared. Storing never holds a read back.
 */
import { hashFeatureView } from "../../define/index.ts";
import type { FeatureView } from "../../define/index.ts";
import { reasonOf } from "../../kernel/errors.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { FeatureValue } from "../features/view-state.ts";
import type { OnlineFeatures } from "./online-features.ts";

/** The platform's stream of sampled reads. */
export const FEATURE_READS_LOG = "strata_feature_reads";

export interface FeatureReadSample {
  readonly view: string;
  /** Of the view's definition: a sample of another definition cannot be compared. */
  readonly hash: string;
  readonly entity: readonly string[];
  readonly atMs: number;
  /** Next offset of the view's stream. */
  readonly offset: number;
  readonly values: readonly FeatureValue[];
}

export interface ReadSampler {
  /** May keep one row of the read. */
  offer(online: OnlineFeatures, keys: Readonly<Record<string, readonly (string | undefined)[] | undefined>>): void;
  /** Resolves when what was kept is durable. */
  settle(): Promise<void>;
}

export interface ReadSamplerOptions {
  readonly log: EventLog;
  readonly logger: Logger;
  readonly appliedOffset: (stream: string) => number;
  readonly nextId: () => string;
  /** Uniform in [0, 1). */
  readonly chance: () => number;
  /** Share of reads of which a row is kept. */
  readonly share: number;
}

const MAX_PENDING = 100;

export function createReadSampler({ log, logger, appliedOffset, nextId, chance, share }: ReadSamplerOptions): ReadSampler {
  const hashes = new WeakMap<FeatureView, string>();
  const pending = new Set<Promise<unknown>>();
  let isFailureTold = false;
  const hashOf = (view: FeatureView): string => {
    let hash = hashes.get(view);
    if (hash === undefined) hashes.set(view, hash = hashFeatureView(view));
    return hash;
  };
  const store = (sample: FeatureReadSample): void => {
    const stored = log.append(FEATURE_READS_LOG, [{ id: nextId(), timeMs: sample.atMs, knownAtMs: sample.atMs, payload: Buffer.from(JSON.stringify(sample)) }]).catch((thrown: unknown) => {
      if (!isFailureTold) logger.log("warn", `Sampled feature reads could not be stored: ${reasonOf(thrown)}`);
      isFailureTold = true;
    });
    pending.add(stored);
    void stored.then(() => pending.delete(stored));
  };
  return {
    offer: ({ rows, atMs, views }, keys) => {
      if (rows === 0 || views.length === 0 || chance() >= share || pending.size >= MAX_PENDING) return;
      const { selected: { view, entities, features }, reader, values } = views[Math.floor(chance() * views.length)]!;
      const row = Math.floor(chance() * rows);
      const entity = entities.map((name) => keys[name]?.[row]);
      if (entity.includes(undefined)) return;
      store({
        view: view.name, hash: hashOf(view), entity: entity as readonly string[], // none is missing
        atMs, offset: appliedOffset(view.from.name), values: features.map((_, place) => reader.valueOf(place, values, row * reader.width)),
      });
    },
    settle: async () => { await Promise.all(pending); },
  };
}
