/** Snapshots of the lake: take, list, compare, forget, restore. */
import type { SnapshotSummary, StreamDifference } from "../../../platform/api.ts";
import { StrataError } from "../../../kernel/errors.ts";
import { defineCommand } from "../../command.ts";
import { canAsk, confirm } from "../confirmation.ts";
import { SERVER_OPTIONS, openApiClient } from "../../server-options.ts";
import { formatCount, formatTime } from "../../terminal/format.ts";

const SNAPSHOT = { snapshot: { description: "The snapshot's id, or the beginning of it" } } as const;
const short = (id: string): string => id.slice(0, 12);

export const snapshots = defineCommand({
  name: "snapshots",
  summary: "List snapshots and what relies on them",
  description: "Newest first. A snapshot that a training run relies on is pinned: it cannot be forgotten, and its rows are kept.",
  options: SERVER_OPTIONS,
  examples: [{ command: "strata lake snapshots", note: "all of them" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<{ readonly snapshots: readonly SnapshotSummary[] }>("/v1/lake/snapshots", { signal: context.signal });
  },
  render: ({ snapshots: all }, { terminal }) => terminal.table<SnapshotSummary>([
    { title: "snapshot", value: ({ id }) => short(id) }, { title: "taken", value: ({ createdAtMs }) => formatTime(createdAtMs) }, { title: "rows", value: ({ rows }) => rows },
    { title: "pinned by", value: ({ pins }) => pins.join(", ") || undefined }, { title: "note", value: ({ note }) => note || undefined },
  ], all, { empty: "no snapshot yet; trainings take them, and so does `strata lake snapshot`" }),
});

export const snapshot = defineCommand({
  name: "snapshot",
  summary: "Take a snapshot of every event stored by now",
  description: "Names the lake's files of this moment and keeps them until the snapshot is forgotten. Equal contents are one snapshot. It copies nothing.",
  options: { ...SERVER_OPTIONS, note: { type: "string", placeholder: "text", description: "What it is for" } },
  examples: [{ command: "strata lake snapshot --note \"before the sale\"", note: "take one" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.post<{ readonly id: string; readonly createdAtMs: number }>("/v1/lake/snapshots", { note: context.options.note ?? "" }, { signal: context.signal });
  },
  render: ({ id }, { terminal }) => terminal.print(id),
});

export const forget = defineCommand({
  name: "forget",
  summary: "Let go of a snapshot that nothing relies on",
  description: "Removes the files that only this snapshot still needed. A pinned one is refused.",
  options: SERVER_OPTIONS,
  positionals: SNAPSHOT,
  examples: [{ command: "strata lake forget 3f2a91c07b", note: "by the beginning of its id" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.delete<{ readonly id: string }>(`/v1/lake/snapshots/${encodeURIComponent(context.positionals.snapshot)}`, { signal: context.signal });
  },
  render: ({ id }, { terminal }) => terminal.success(`forgot ${short(id)}`),
});

interface Difference {
  readonly from: string;
  readonly to: string | null;
  readonly streams: readonly StreamDifference[];
}

export const diff = defineCommand({
  name: "diff",
  summary: "Show what two snapshots differ in",
  description: "Rows, offset ranges, files and fields per stream. Without a second snapshot: against the lake as it is now. Files that were merged differ although no event does.",
  options: SERVER_OPTIONS,
  positionals: { from: { description: "The earlier snapshot" }, to: { description: "The later one (default: now)", optional: true } },
  examples: [{ command: "strata lake diff 3f2a91 8b11d0", note: "between two" }, { command: "strata lake diff 3f2a91", note: "since then" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<Difference>("/v1/lake/diff", { query: { from: context.positionals.from, to: context.positionals.to }, signal: context.signal });
  },
  render: ({ streams }, { terminal }) => {
    const ranges = (of: StreamDifference["added"]): string | undefined => of.map(({ from, to }) => `${from} to ${to - 1}`).join(", ") || undefined;
    terminal.table<StreamDifference>([
      { title: "stream", value: ({ stream }) => stream }, { title: "rows before", value: ({ rowsBefore }) => rowsBefore }, { title: "after", value: ({ rowsAfter }) => rowsAfter },
      { title: "offsets added", value: ({ added }) => ranges(added) }, { title: "offsets removed", value: ({ removed }) => ranges(removed) },
      { title: "files", value: ({ filesAdded, filesRemoved }) => `+${filesAdded.length} -${filesRemoved.length}` },
      { title: "fields", value: ({ fieldsAdded, fieldsRemoved }) => [...fieldsAdded.map((field) => `+${field}`), ...fieldsRemoved.map((field) => `-${field}`)].join(", ") || undefined },
    ], streams, { empty: "no difference" });
  },
});

interface RestoreReport {
  readonly undo: string;
  readonly snapshot: string;
  readonly streams: readonly { readonly stream: string; readonly nextOffset: number; readonly rowsBefore: number; readonly rowsAfter: number }[];
}

export const restore = defineCommand({
  name: "restore",
  summary: "Make a snapshot's rows the lake's again",
  description: [
    "The lake as it was before becomes a snapshot, whose id is printed: restore that to undo. Nothing is deleted.",
    "Events after the snapshot are set aside and new ones come in as before, each once. With --replay the log is followed again from the snapshot's end, so that every later event comes in once more; refused when the log no longer has them all. Online features are not changed.",
  ].join("\n"),
  options: {
    ...SERVER_OPTIONS, stream: { type: "string", multiple: true, description: "Only this stream (repeatable)" }, replay: { type: "boolean", description: "Follow the log again from the snapshot's end" },
    yes: { type: "boolean", description: "Do not ask" },
  },
  positionals: SNAPSHOT,
  examples: [{ command: "strata lake restore 3f2a91c07b --yes", note: "all streams" }, { command: "strata lake restore 3f2a91 --stream purchases --replay --yes", note: "one stream, from the log again" }],
  run: async (context) => {
    const { options: { stream, replay, yes }, positionals, signal, usageError } = context;
    if (!yes && !canAsk(context.stdin)) throw usageError("A restore changes what trainings and questions see; say --yes.");
    if (!yes && !await confirm(`Make the lake what it was in ${positionals.snapshot}?`, context)) throw new StrataError("ABORTED", { what: "The restore" });
    await using client = openApiClient(context);
    return await client.post<RestoreReport>("/v1/lake/restore", { snapshot: positionals.snapshot, replay, ...(stream.length === 0 ? {} : { streams: stream }) }, { signal });
  },
  render: ({ undo, snapshot: id, streams }, { terminal }) => {
    terminal.table<RestoreReport["streams"][number]>([
      { title: "stream", value: ({ stream }) => stream }, { title: "rows before", value: ({ rowsBefore }) => rowsBefore }, { title: "rows now", value: ({ rowsAfter }) => rowsAfter }, { title: "log followed from", value: ({ nextOffset }) => nextOffset },
    ], streams);
    terminal.success(`${formatCount(streams.length, "stream")} as of ${short(id)}; undo with: strata lake restore ${short(undo)} --yes`);
  },
});
