/** `strata ingest`: events from a file or a pipe into a stream of a running server. */
import { randomUUID } from "node:crypto";
import { StrataError, listProblems } from "../../../kernel/errors.ts";
import type { Problem } from "../../../kernel/errors.ts";
import { defineCommand } from "../../command.ts";
import type { CommandContext } from "../../command.ts";
import { eventSchema, readRunningDefinition } from "../../running-definition.ts";
import { SERVER_OPTIONS, openApiClient } from "../../server-options.ts";
import { formatCount, formatElapsed, formatNumber, formatRate } from "../../terminal/format.ts";
import { batchesOf } from "./batches.ts";
import { openByteSource, type ByteSource } from "./byte-source.ts";
import { discardLetters, listLetters, replayLetters, showLetter } from "./dead-letters.ts";
import { FORMATS, eventsOf, formatOf, placeText } from "./event-file.ts";
import { createImportRecord } from "./import-record.ts";
import type { SourceEvent } from "./source-event.ts";
import { createTotals, uploadBatches, type UploadTotals } from "./uploader.ts";

export interface IngestReport {
  readonly stream: string;
  readonly file: string;
  readonly format: string;
  /** accepted + duplicates + deadLetters. */
  readonly events: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  /** Dead letters by reason, most frequent first. */
  readonly reasons: Readonly<Record<string, number>>;
  /** The first few dead letters. */
  readonly examples: readonly { readonly place: string; readonly problems: readonly Problem[] }[];
  readonly elapsedMs: number;
}

export const command = defineCommand({
  name: "ingest",
  summary: "Send events from a file to a stream, and handle dead letters",
  description: [
    "Reads NDJSON, a JSON array or CSV (header names are fields), also compressed with gzip, and sends it in batches. Events that the stream refuses do not hold the others back: they are kept as dead letters with what is wrong, ready to be fixed and replayed.",
    "Sending the same unchanged file again adds nothing: events are known by their id, and events without one by the file and their place in it.",
    "Import history with --backfill: then an event counts as known from its own time on, and training sees it as it would have been.",
  ].join("\n"),
  options: {
    ...SERVER_OPTIONS,
    format: { type: "enum", values: FORMATS, description: "What the file is (default: by its name, else by how it begins)" },
    backfill: { type: "boolean", description: "The events are history: known from their own time on, exempt from the lateness check" },
    batch: { type: "number", integer: true, minimum: 1, maximum: 100_000, default: 1000, description: "Events per request" },
    idempotencyKey: { type: "string", placeholder: "text", description: "Events without an id are stored once per key (default: made from the file's path, size and time of change)" },
  },
  positionals: {
    stream: { description: "Name of the stream" },
    file: { description: "File to send; \"-\" or nothing reads stdin", optional: true },
  },
  examples: [
    { command: "strata ingest deliveries events.ndjson --backfill", note: "import history" },
    { command: "strata ingest purchases orders.csv.gz", note: "a compressed table" },
    { command: "producer | strata ingest clicks -", note: "events from another program, one JSON object per line" },
    { command: "strata ingest dead-letters purchases", note: "what was refused, and why" },
  ],
  subcommands: [listLetters, showLetter, replayLetters, discardLetters],
  run: async (context): Promise<IngestReport> => {
    const { options, positionals: { stream, file = "-" }, clock, signal, terminal } = context;
    await using client = openApiClient(context);
    const schema = eventSchema((await readRunningDefinition(client, signal)).document, stream);
    const source = await openByteSource(file, context);
    const format = options.format ?? formatOf(file, source.head);
    const counted = countEvents(eventsOf(source, format, schema));
    const totals = createTotals();
    const startedMs = clock.monotonicMs();
    using progress = terminal.progress({ label: `ingesting into ${stream}` });
    const record = createImportRecord({ client, clock, stream, file });
    const bar = {
      update: (done: number, total?: number): void => {
        progress.update(done, total);
        record.update(done, total);
      },
    };
    try {
      await uploadBatches(batchesOf(counted.groups, options.batch), totals, {
        client, clock, stream, signal, backfill: options.backfill,
        idempotencyKey: keyOf(options.idempotencyKey, options.batch, source),
        onProgress: () => showProgress(bar, totals, { source, readEvents: counted.count() }),
      });
    } catch (thrown) {
      progress[Symbol.dispose]();
      await record.end("failed", sumOf(totals));
      if (sumOf(totals) > 0) terminal.warn(`stopped after ${formatCount(totals.accepted, "event")} accepted, ${formatCount(totals.duplicates, "duplicate")}, ${formatCount(totals.rejected, "dead letter")}; sent again, the same file adds only what is missing`);
      throw thrown;
    }
    await record.end("done", sumOf(totals));
    if (sumOf(totals) === 0) throw new StrataError("FILE_INVALID", { path: file, format: format.toUpperCase(), reason: "it holds no event" });
    return reportOf(totals, { stream, file, format, elapsedMs: clock.monotonicMs() - startedMs });
  },
  exitCode: ({ events, deadLetters }) => (deadLetters === events ? 1 : 0),
  render: renderReport,
});

function sumOf({ accepted, duplicates, rejected }: UploadTotals): number {
  return accepted + duplicates + rejected;
}

/** Batches of another size divide the file in other places, so they need another key. */
function keyOf(given: string | undefined, batch: number, { identity }: ByteSource): string {
  return given ?? `${identity ?? randomUUID()}-${batch}`;
}

interface CountedEvents {
  readonly groups: AsyncIterable<readonly SourceEvent[]>;
  count(): number;
}

function countEvents(groups: AsyncIterable<readonly SourceEvent[]>): CountedEvents {
  let count = 0;
  async function* counted(): AsyncGenerator<readonly SourceEvent[]> {
    for await (const group of groups) {
      count += group.length;
      yield group;
    }
  }
  return { groups: counted(), count: () => count };
}

/** How many events there will be is estimated from the bytes read so far. */
function showProgress(
  bar: { update(done: number, total?: number): void }, totals: UploadTotals, { source, readEvents }: { readonly source: ByteSource; readonly readEvents: number },
): void {
  const { sizeBytes } = source;
  const readBytes = source.readBytes();
  if (sizeBytes === undefined || readBytes === 0) bar.update(sumOf(totals));
  else bar.update(sumOf(totals), Math.round(readEvents * Math.max(1, sizeBytes / readBytes)));
}

type ReportHead = Pick<IngestReport, "stream" | "file" | "elapsedMs"> & { readonly format: (typeof FORMATS)[number] };

function reportOf(totals: UploadTotals, head: ReportHead): IngestReport {
  const { accepted, duplicates, rejected } = totals;
  return {
    ...head, events: sumOf(totals), accepted, duplicates, deadLetters: rejected,
    reasons: Object.fromEntries([...totals.reasons].toSorted(([, a], [, b]) => b - a)),
    examples: totals.examples.map(({ place, problems }) => ({ place: placeText(head.format, place), problems })),
  };
}

function renderReport(report: IngestReport, { terminal }: Pick<CommandContext, "terminal">): void {
  const { stream, events, elapsedMs, deadLetters } = report;
  const rate = elapsedMs > 0 ? `, ${formatRate((events * 1000) / elapsedMs)}` : "";
  terminal.print(`${formatCount(events, "event")} sent to ${terminal.palette.bold(stream)} in ${formatElapsed(elapsedMs)}${rate}`);
  terminal.pairs([["accepted", report.accepted], ["duplicates", report.duplicates], ["dead letters", deadLetters]]);
  if (deadLetters === 0) return;
  terminal.print();
  terminal.bars(Object.entries(report.reasons).map(([label, value]) => ({ label, value, text: formatNumber(value, 0) })));
  terminal.print();
  for (const { place, problems } of report.examples) {
    terminal.print(`  ${terminal.palette.dim(place)}  ${listProblems(problems)}`);
  }
  terminal.note(`next: \`strata ingest dead-letters ${stream}\` lists them with their events`);
}
