/** What each feature view holds, in memory and spilled, as gauges. */
import type { FeatureEngine } from "../data/index.ts";
import type { Meter } from "../ports/telemetry.ts";

/** Sets the gauges; called once a second. */
export function createFeatureGauges(features: Pick<FeatureEngine, "statistics">, meter: Meter): () => void {
  const memory = meter.gauge("strata_feature_memory_bytes", "Memory that a feature view's rows, tiles and keys take.");
  const events = meter.gauge("strata_feature_events", "Events that a feature view keeps, in memory and spilled.");
  const spilled = meter.gauge("strata_feature_spilled_entities", "Entities of a feature view whose rows are in the spill file.");
  const file = meter.gauge("strata_feature_spilled_bytes", "Size of a feature view's spill file.");
  return () => {
    for (const statistics of features.statistics()) {
      const labels = { view: statistics.view };
      memory.set(statistics.memoryBytes, labels);
      events.set(statistics.events, labels);
      spilled.set(statistics.spilledEntities, labels);
      file.set(statistics.spilledBytes, labels);
    }
  };
}
