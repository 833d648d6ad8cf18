/** The audit of sampled feature reads: the latest samples, computed again from the lake, with a metric for what differs. */
import { FEATURE_READS_LOG, auditReads } from "../data/index.ts";
import type { EventDecoder, FeatureReadSample, Lake, ReadAudit } from "../data/index.ts";
import type { Application } from "../define/index.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { Meter } from "../ports/telemetry.ts";
import type { AnswerAudit } from "./audit.ts";

export interface FeatureAuditParts {
  readonly application: () => Application;
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly lake: Lake;
  readonly meter: Meter;
}

/** Resolves with what was compared; waits until the lake has what the reads had seen. */
export type FeatureAudit = (options: { readonly limit: number; readonly signal?: AbortSignal }) => Promise<ReadAudit>;

export function createFeatureAudit({ application, log, decoder, lake, meter }: FeatureAuditParts): FeatureAudit {
  const checked = meter.counter("strata_feature_skew_checked_total", "Values of sampled feature reads that were computed again offline");
  const mismatches = meter.counter("strata_feature_skew_mismatches_total", "Of these, values that differ from what was served; more than 0 is a defect");
  return async ({ limit, signal }) => {
    const samples = await latestSamples(limit);
    if (samples.length === 0) return { reads: 0, checked: 0, mismatches: 0, skipped: 0, examples: [] };
    await lake.flush(undefined, signal ? { signal } : {});
    const snapshot = await lake.snapshot();
    try {
      const audit = await auditReads({ views: application().featureViews, samples, lake, snapshot, signal });
      checked.add(audit.checked);
      mismatches.add(audit.mismatches);
      return audit;
    } finally {
      await lake.forgetSnapshot(snapshot.id);
    }
  };

  async function latestSamples(limit: number): Promise<readonly FeatureReadSample[]> {
    const { oldestOffset, nextOffset } = log.statistics(FEATURE_READS_LOG);
    const samples: FeatureReadSample[] = [];
    const offset = Math.max(oldestOffset, nextOffset - limit);
    if (offset >= nextOffset) return samples;
    for await (const batch of log.read(FEATURE_READS_LOG, { from: { offset } })) samples.push(...decoder.decode(FEATURE_READS_LOG, batch).rows as unknown as FeatureReadSample[]); // written by the sampler
    return samples;
  }
}

export interface PlatformAudit extends AnswerAudit {
  /** Sampled reads of views and services, and of Feast's API. */
  readonly reads: ReadAudit;
}

type AuditOptions = { readonly limit?: number; readonly signal?: AbortSignal };

const DEFAULT_READS = 10_000;

/** Both audits, one after the other. */
export function withFeatureReads(answers: (options?: AuditOptions) => Promise<AnswerAudit>, reads: FeatureAudit): (options?: AuditOptions) => Promise<PlatformAudit> {
  return async (options = {}) => ({ ...await answers(options), reads: await reads({ limit: options.limit ?? DEFAULT_READS, ...(options.signal ? { signal: options.signal } : {}) }) });
}
