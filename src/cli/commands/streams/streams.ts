/** `strata streams`: how streams stand, the versions of their schemas, replays and quotas. */
import type { StreamStanding } from "../../../platform/api.ts";
import { defineCommand } from "../../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../../server-options.ts";
import { formatBytes, formatElapsed, formatRate, formatTime } from "../../terminal/format.ts";
import type { Column } from "../../terminal/table.ts";
import { operations } from "./operations.ts";
import { replay } from "./replay.ts";
import { schema } from "./schema.ts";

const STREAM = { stream: { description: "Name of the stream" } } as const;

const show = defineCommand({
  name: "show",
  summary: "Show one stream: watermark, every consumer's lag, log, quota, derivation",
  description: "The watermark is the time before which no more events are expected; derived windows close by it. A consumer's lag counts durable events that it has not taken.",
  options: SERVER_OPTIONS,
  positionals: STREAM,
  examples: [{ command: "strata streams show purchases", note: "who reads it, and how far behind" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<StreamStanding>(`/v1/streams/${encodeURIComponent(context.positionals.stream)}`, { signal: context.signal });
  },
  render: (stream, { terminal }) => {
    terminal.pairs([
      ["stream", stream.name], ["description", stream.description || undefined],
      ["events", `offsets ${stream.oldestOffset} to ${stream.events}, ${formatRate(stream.eventsPerSecond)}`],
      ["log", `${formatBytes(stream.hotBytes)} on disk, ${formatBytes(stream.tieredBytes)} in the blob store`],
      ["schema", `version ${stream.schemaVersion}, ${stream.compatibility}`],
      ["watermark", watermarkText(stream)], ["dead letters", stream.deadLetters],
      ["quota", quotaText(stream) ?? "none"],
      ...(stream.derivation === undefined ? [] : [["derived by", derivationText(stream.derivation)] as const]),
    ]);
    terminal.print();
    terminal.table([
      { title: "consumer", value: ({ consumer }) => consumer }, { title: "position", value: ({ position }) => position }, { title: "lag", value: ({ lagEvents }) => lagEvents },
    ] satisfies readonly Column<StreamStanding["consumers"][number]>[], stream.consumers);
  },
});

const quota = defineCommand({
  name: "quota",
  summary: "Show what each producer may send to each stream in a minute",
  description: "Quotas are part of the definition: `quota: { eventsPerMinute, bytesPerMinute }` on a stream. A producer names itself with the header strata-producer, or is the source of a CloudEvent; those that do not say who they are share one quota.",
  options: SERVER_OPTIONS,
  examples: [{ command: "strata streams quota", note: "every stream that has one" }],
  run: async (context) => {
    await using client = openApiClient(context);
    const { streams } = await client.get<StreamList>("/v1/streams", { signal: context.signal });
    return { streams: streams.filter((stream) => stream.quota !== undefined).map((stream) => ({ stream: stream.name, quota: stream.quota! })) };
  },
  render: ({ streams }, { terminal }) => terminal.table([
    { title: "stream", value: ({ stream }) => stream },
    { title: "events per minute", value: ({ quota: { eventsPerMinute } }) => eventsPerMinute },
    { title: "bytes per minute", value: ({ quota: { bytesPerMinute } }) => bytesPerMinute },
  ] satisfies readonly Column<(typeof streams)[number]>[], streams),
});

interface StreamList {
  readonly streams: readonly StreamStanding[];
}

export const command = defineCommand({
  name: "streams",
  summary: "Show streams, their watermarks, lags and schemas; replay them",
  description: "Lists the streams of the running definition, those that producers send to and those that are derived.",
  options: SERVER_OPTIONS,
  examples: [
    { command: "strata streams", note: "all of them" },
    { command: "strata streams schema purchases", note: "the versions of one's schema" },
    { command: "strata streams replay purchases --derived big_purchases", note: "make a derived stream again and compare every byte" },
  ],
  subcommands: [show, schema, replay, quota, operations],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<StreamList>("/v1/streams", { signal: context.signal });
  },
  render: ({ streams }, { terminal }) => terminal.table(COLUMNS, streams),
});

const COLUMNS: readonly Column<StreamStanding>[] = [
  { title: "stream", value: ({ name }) => name },
  { title: "from", value: ({ derivation }) => (derivation === undefined ? "producers" : `${derivation.operator} of ${derivation.sources.join(", ")}`) },
  { title: "events", value: ({ events }) => events },
  { title: "rate", value: ({ eventsPerSecond }) => formatRate(eventsPerSecond), align: "right" },
  { title: "watermark", value: ({ watermarkMs }) => (watermarkMs === null ? undefined : formatTime(watermarkMs)) },
  { title: "largest lag", value: ({ consumers }) => consumers.reduce((most, { lagEvents }) => Math.max(most, lagEvents), 0) },
  { title: "hot", value: ({ hotBytes }) => formatBytes(hotBytes), align: "right" },
  { title: "tiered", value: ({ tieredBytes }) => formatBytes(tieredBytes), align: "right" },
  { title: "schema", value: ({ schemaVersion }) => schemaVersion },
  { title: "state", value: ({ derivation }) => (derivation === undefined ? "open" : derivation.state) },
];

function watermarkText({ watermarkMs, watermarkLagMs, latestEventMs }: StreamStanding): string | undefined {
  if (watermarkMs === null || watermarkLagMs === null) return undefined;
  const lag = watermarkLagMs < 0 ? "ahead of the clock" : `${formatElapsed(watermarkLagMs)} behind the clock`;
  return `${formatTime(watermarkMs)}, ${lag}${latestEventMs === null ? "" : `; latest event ${formatTime(latestEventMs)}`}`;
}

function quotaText({ quota: limits }: StreamStanding): string | undefined {
  return limits && Object.entries(limits).map(([kind, limit]) => `${limit} ${kind.replace("PerMinute", "")} a minute for each producer`).join(", ");
}

function derivationText({ operator, sources, state, reason, late, keyless, held }: NonNullable<StreamStanding["derivation"]>): string {
  return `${operator} of ${sources.join(", ")}: ${state}${reason === undefined ? "" : ` (${reason})`}; ${late} late, ${keyless} without a key, ${held} held`;
}
