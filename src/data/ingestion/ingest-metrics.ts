/** The meters of one stream's ingestion; labels are made once, so counting allocates nothing. */
import type { Labels, Meter } from "../../ports/telemetry.ts";

export interface IngestMetrics {
  /** Counts a request's events once they are durable. */
  ingested(counts: { readonly accepted: number; readonly duplicates: number; readonly rejected: number }, seconds: number, bytes: number): void;
  /** Counts a request that was not taken: full, over a quota, or the log failed. */
  failed(reason: "full" | "error" | "quota"): void;
  openDeadLetters(count: number): void;
}

export function createIngestMetrics(meter: Meter): (stream: string) => IngestMetrics {
  const events = meter.counter("strata_ingest_events_total", "Events by what became of them: accepted, duplicate or rejected.");
  const bytes = meter.counter("strata_ingest_bytes_total", "Bytes of events that requests brought.");
  const seconds = meter.histogram("strata_ingest_seconds", "Time from a request's arrival until its events are durable.");
  const failures = meter.counter("strata_ingest_failures_total", "Requests that were not acknowledged: full, over a quota, or the log failed.");
  const open = meter.gauge("strata_dead_letters_open", "Dead letters that wait to be replayed or discarded.");
  return (stream) => {
    const labels: Labels = { stream };
    const [accepted, duplicate, rejected] = ["accepted", "duplicate", "rejected"].map((result): Labels => ({ stream, result }));
    const failure = { full: { stream, reason: "full" }, error: { stream, reason: "error" }, quota: { stream, reason: "quota" } };
    return {
      ingested: (counts, durationSeconds, size) => {
        if (counts.accepted > 0) events.add(counts.accepted, accepted);
        if (counts.duplicates > 0) events.add(counts.duplicates, duplicate);
        if (counts.rejected > 0) events.add(counts.rejected, rejected);
        bytes.add(size, labels);
        seconds.record(durationSeconds, labels);
      },
      failed: (reason) => failures.add(1, failure[reason]),
      openDeadLetters: (count) => open.set(count, labels),
    };
  };
}
