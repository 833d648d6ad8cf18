/** What streams do beside taking events: derivations, watermarks, lags. Opened with the data layer and closed with it. */
import { createDerivationEngine } from "../data/index.ts";
import type { DerivationEngine, EventDecoder, FeatureEngine, Ingestion } from "../data/index.ts";
import type { Application } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { StateStore } from "../ports/state-store.ts";
import type { Logger } from "../ports/telemetry.ts";

export interface StreamLayer extends AsyncDisposable {
  readonly derivations: DerivationEngine;
}

export interface StreamLayerOptions {
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly states: StateStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly application: () => Application;
  readonly ingestion: Ingestion;
}

const STOP_DEADLINE_MS = 10_000;

export function openStreamLayer(options: StreamLayerOptions): StreamLayer {
  const derivations = createDerivationEngine({ ...options, store: options.ingestion.storeDerived });
  derivations.start();
  return { derivations, [Symbol.asyncDispose]: () => derivations.stop(STOP_DEADLINE_MS) };
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

