/** Looking after the lake's files: collection, compaction, tiers. */
import { StrataError } from "../../../kernel/errors.ts";
import type { ErrorBody } from "../../../kernel/errors.ts";
import { defineCommand } from "../../command.ts";
import { errorOfResponse } from "../../remote-error.ts";
import { SERVER_OPTIONS, openApiClient } from "../../server-options.ts";
import { formatBytes, formatCount, formatPercent } from "../../terminal/format.ts";

interface Collected {
  readonly snapshots: readonly string[];
  readonly files: number;
  readonly sizeBytes: number;
}

export const gc = defineCommand({
  name: "gc",
  summary: "Remove files that nothing needs, and old unpinned snapshots",
  description: "Never touches a file that the lake, a snapshot or a reader needs. With --older-than, snapshots of that age without a pin are forgotten first.",
  options: { ...SERVER_OPTIONS, olderThan: { type: "string", placeholder: "duration", description: "Also forget unpinned snapshots older than this, such as 30d" } },
  examples: [{ command: "strata lake gc --older-than 30d", note: "forget old snapshots and remove their files" }],
  run: async (context) => {
    await using client = openApiClient(context);
    const { olderThan } = context.options;
    return await client.post<Collected>("/v1/lake/gc", olderThan === undefined ? {} : { olderThan }, { signal: context.signal });
  },
  render: ({ snapshots, files, sizeBytes }, { terminal }) => terminal.success(`forgot ${formatCount(snapshots.length, "snapshot")}, removed ${formatCount(files, "file")} of ${formatBytes(sizeBytes)}`),
});

interface Compaction {
  readonly stream: string;
  readonly filesBefore: number;
  readonly filesAfter: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

export const compact = defineCommand({
  name: "compact",
  summary: "Merge neighbouring files into few large ones",
  description: "Fewer files are opened faster. Rows keep their order; snapshots keep their rows and are read through the merged files.",
  options: { ...SERVER_OPTIONS, timeout: { type: "duration", default: "10m", description: "How long to wait for the first answer" } },
  positionals: { stream: { description: "Only this stream", optional: true } },
  examples: [{ command: "strata lake compact purchases", note: "one stream" }],
  run: async (context): Promise<{ readonly streams: readonly Compaction[] }> => {
    const { positionals: { stream }, signal, terminal } = context;
    await using client = openApiClient(context);
    using bar = terminal.progress({ label: "compacting", total: 1, format: (share) => formatPercent(share, 0) });
    for await (const { event, data } of client.stream("/v1/lake/compact", { body: stream === undefined ? {} : { stream }, signal })) {
      const value: unknown = JSON.parse(data);
      // What each event carries is settled by its name; the server of this same package sent it.
      if (event === "progress") bar.update((value as { readonly share: number }).share);
      if (event === "result") return value as { readonly streams: readonly Compaction[] };
      if (event === "error") throw errorOfResponse({ status: 200, url: client.url, text: JSON.stringify({ error: value as ErrorBody }) });
    }
    if (signal.aborted) throw new StrataError("ABORTED", { what: "The compaction" });
    throw new StrataError("SERVER_UNREACHABLE", { url: client.url, reason: "it stopped before the compaction was done" });
  },
  render: ({ streams }, { terminal }) => terminal.table<Compaction>([
    { title: "stream", value: ({ stream }) => stream }, { title: "files before", value: ({ filesBefore }) => filesBefore }, { title: "after", value: ({ filesAfter }) => filesAfter },
    { title: "size before", value: ({ bytesBefore }) => formatBytes(bytesBefore), align: "right" }, { title: "after", value: ({ bytesAfter }) => formatBytes(bytesAfter), align: "right" },
  ], streams, { empty: "no stream" }),
});

interface Moves {
  readonly warmed: number;
  readonly cooled: number;
  readonly movedBytes: number;
}

export const tiers = defineCommand({
  name: "tiers",
  summary: "Move files to the tiers of the definition now",
  description: "A stream's `storage: { warmAfter, coldAfter }` says when files move; the server does it every minute, this does it at once. Reads find the same rows before and after.",
  options: { ...SERVER_OPTIONS, timeout: { type: "duration", default: "10m", description: "How long to wait for the result" } },
  examples: [{ command: "strata lake tiers", note: "move what is due" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.post<{ readonly streams: Readonly<Record<string, Moves>> }>("/v1/lake/tiers", {}, { signal: context.signal });
  },
  render: ({ streams }, { terminal }) => terminal.table<readonly [string, Moves]>([
    { title: "stream", value: ([stream]) => stream }, { title: "to warm", value: ([, { warmed }]) => warmed }, { title: "to cold", value: ([, { cooled }]) => cooled },
    { title: "size", value: ([, { movedBytes }]) => formatBytes(movedBytes), align: "right" },
  ], Object.entries(streams), { empty: "no stream" }),
});
