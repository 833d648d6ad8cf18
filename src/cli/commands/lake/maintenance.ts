/** Looking after the lake's files: collection, compaction, tiers. */
import { StrataError } from "../../../kernel/errors.ts";
import type { ErrorBody } from "../../../kernel/errors.ts";
import { defineCommand } from "../../command.ts";
import { errorOfResponse } from "../../remote-error.ts";
import type { CommandContext } from "../../command.ts";
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
  run: (context) => {
    const { stream } = context.positionals;
    return follow<Compaction>(context, { route: "/v1/lake/compact", body: stream === undefined ? {} : { stream }, label: "compacting", what: "the compaction" });
  },
  render: ({ streams }, { terminal }) => terminal.table<Compaction>([
    { title: "stream", value: ({ stream }) => stream }, { title: "files before", value: ({ filesBefore }) => filesBefore }, { title: "after", value: ({ filesAfter }) => filesAfter },
    { title: "size before", value: ({ bytesBefore }) => formatBytes(bytesBefore), align: "right" }, { title: "after", value: ({ bytesAfter }) => formatBytes(bytesAfter), align: "right" },
  ], streams, { empty: "no stream" }),
});

interface VerifiedStream {
  readonly stream: string;
  readonly files: number;
  readonly sizeBytes: number;
  readonly mended: readonly string[];
  readonly withoutDigest: number;
  readonly damaged: readonly { readonly file: string; readonly reason: string }[];
}

export const verify = defineCommand({
  name: "verify",
  summary: "Look at the bytes of every file, and bring back what is damaged",
  description: "Compares each file, local or in the blob store, with the digest that was taken when it was written. A damaged one comes back from the blob store, or from the log where that still has its events; what neither has is listed, and the exit status is 1. Files of versions that took no digest are only measured: `strata lake compact` writes them anew.",
  options: { ...SERVER_OPTIONS, timeout: { type: "duration", default: "10m", description: "How long to wait for the first answer" } },
  examples: [{ command: "strata lake verify --json", note: "for a nightly job" }],
  run: (context) => follow<VerifiedStream>(context, { route: "/v1/lake/verify", body: {}, label: "verifying", what: "the verification" }),
  exitCode: ({ streams }) => Number(streams.some(({ damaged }) => damaged.length > 0)),
  render: ({ streams }, { terminal }) => {
    terminal.table<VerifiedStream>([
      { title: "stream", value: ({ stream }) => stream }, { title: "files", value: ({ files }) => files }, { title: "size", value: ({ sizeBytes }) => formatBytes(sizeBytes), align: "right" },
      { title: "mended", value: ({ mended }) => mended.length }, { title: "damaged", value: ({ damaged }) => damaged.length }, { title: "without digest", value: ({ withoutDigest }) => withoutDigest },
    ], streams, { empty: "nothing is stored yet" });
    for (const { damaged } of streams) for (const { reason } of damaged) terminal.warn(reason);
  },
});

interface Work {
  readonly route: string;
  readonly body: unknown;
  readonly label: string;
  readonly what: string;
}

/** Follows work of the server with a bar, to its result. */
async function follow<Stream>(context: CommandContext<typeof SERVER_OPTIONS>, { route, body, label, what }: Work): Promise<{ readonly streams: readonly Stream[] }> {
  const { signal, terminal } = context;
  await using client = openApiClient(context);
  using bar = terminal.progress({ label, total: 1, format: (share) => formatPercent(share, 0) });
  for await (const { event, data } of client.stream(route, { body, signal })) {
    const value: unknown = JSON.parse(data);
    // What each event carries is settled by its name; the server of this same package sent it.
    if (event === "progress") bar.update((value as { readonly share: number }).share);
    if (event === "result") return value as { readonly streams: readonly Stream[] };
    if (event === "error") throw errorOfResponse({ status: 200, url: client.url, text: JSON.stringify({ error: value as ErrorBody }) });
  }
  if (signal.aborted) throw new StrataError("ABORTED", { what });
  throw new StrataError("SERVER_UNREACHABLE", { url: client.url, reason: `it stopped before ${what} was done` });
}

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
