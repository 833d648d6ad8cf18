/** `strata features list|show|lineage|freshness`: the catalogue, for people and for scripts. */
import type { CatalogueAnswer, CatalogueEntry, CatalogueShow, Lineage, LineageNode, ViewFreshness } from "../../platform/api.ts";
import { formatDuration } from "../../kernel/duration.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatBytes, formatElapsed } from "../terminal/format.ts";

type Terminal = CommandContext["terminal"];

const KINDS = ["stream", "feature-view", "on-demand", "candidates", "feature-service", "model", "endpoint", "expectations"] as const;
const NAME = { name: { description: "Its name, or kind:name where kinds share one" } } as const;

export const list = defineCommand({
  name: "list",
  summary: "Streams, views, features, services, models and endpoints, with owners",
  description: "The catalogue of the running definition. --search finds words in names, descriptions, owners, tags, entities, features and fields; all words must be there.",
  options: {
    ...SERVER_OPTIONS, search: { type: "string", placeholder: "words", description: "Only what has these words" },
    kind: { type: "string", placeholder: "kind", description: `Only one kind: ${KINDS.join(", ")}` },
  },
  examples: [{ command: "strata features list --search \"spend customer\"", note: "where spend of a customer is to be had" }, { command: "strata features list --kind feature-service --json", note: "for scripts" }],
  run: async (context) => {
    const { search, kind } = context.options;
    if (kind !== undefined && !KINDS.some((known) => known === kind)) throw context.usageError(`--kind is one of ${KINDS.join(", ")}, not "${kind}".`);
    await using client = openApiClient(context);
    const query = new URLSearchParams({ ...(search === undefined ? {} : { search }), ...(kind === undefined ? {} : { kind }) });
    return await client.get<CatalogueAnswer>(`/v1/catalogue${query.size === 0 ? "" : `?${query}`}`, { signal: context.signal });
  },
  render: ({ entries }, { terminal }) => {
    terminal.table<CatalogueEntry>([
      { title: "kind", value: ({ kind }) => kind }, { title: "name", value: ({ name }) => name }, { title: "owner", value: ({ owner }) => owner },
      { title: "entities", value: ({ entities }) => entities.join(" × ") || undefined }, { title: "features", value: ({ features, fields }) => features.length || fields.length || undefined },
      { title: "from", value: ({ from }) => from.map(nameOf).join(", ") || undefined }, { title: "description", value: ({ description }) => description || undefined },
    ], entries, { empty: "nothing in the catalogue fits" });
  },
});

export const show = defineCommand({
  name: "show",
  summary: "One resource: its features, owner, lineage and state",
  description: "What it is made of, what uses it, every feature with its aggregation and window, and for a view how fresh it is.",
  options: SERVER_OPTIONS,
  positionals: NAME,
  examples: [{ command: "strata features show customer_activity", note: "a feature view" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<CatalogueShow>(`/v1/catalogue/${encodeURIComponent(context.positionals.name)}`, { signal: context.signal });
  },
  render: renderEntry,
});

function renderEntry(entry: CatalogueShow, { terminal }: { readonly terminal: Terminal }): void {
  terminal.pairs([
    ["kind", entry.kind], ["name", entry.name], ["description", entry.description || undefined], ["owner", entry.owner], ["tags", entry.tags.join(", ") || undefined],
    ["entities", entry.entities.join(" × ") || undefined], ["from", entry.from.map(nameOf).join(", ") || undefined], ["used by", entry.usedBy.map(nameOf).join(", ") || undefined],
    ...(entry.ttlMs === undefined ? [] : [["ttl", formatDuration(entry.ttlMs)] as const]), ...(entry.fields.length === 0 ? [] : [["fields", entry.fields.join(", ")] as const]),
  ]);
  if (entry.features.length > 0) {
    terminal.print();
    terminal.table([{ title: "feature", value: ({ name }) => name }, { title: "aggregation", value: ({ aggregation }) => aggregation }, { title: "window", value: windowOf }], entry.features);
  }
  if (entry.live === undefined) return;
  terminal.print();
  renderFreshness([entry.live], terminal);
}

function windowOf({ aggregation, windowMs, window }: CatalogueEntry["features"][number]): string {
  if (aggregation === "computed") return "when asked";
  return window ?? (windowMs === undefined ? "whole life" : formatDuration(windowMs));
}

export const lineage = defineCommand({
  name: "lineage",
  summary: "What a resource is made of, and what is made of it, as a tree",
  description: "From the streams that events enter to the endpoints that answer with them.",
  options: SERVER_OPTIONS,
  positionals: NAME,
  examples: [{ command: "strata features lineage purchases", note: "everything that an event of purchases reaches" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<Lineage>(`/v1/catalogue/${encodeURIComponent(context.positionals.name)}/lineage`, { signal: context.signal });
  },
  render: ({ ref, from, usedBy }, { terminal }) => {
    if (from.length > 0) terminal.print(`made of\n${treeOf(from).join("\n")}\n`);
    terminal.print(labelOf(ref));
    if (usedBy.length > 0) terminal.print(`\nused by\n${treeOf(usedBy).join("\n")}`);
  },
});

/** One line per node, with the lines of a drawn tree. */
export function treeOf(nodes: readonly LineageNode[], indent = ""): readonly string[] {
  return nodes.flatMap(({ ref, next }, index) => {
    const isLast = index === nodes.length - 1;
    return [`${indent}${isLast ? "└─ " : "├─ "}${labelOf(ref)}`, ...treeOf(next, `${indent}${isLast ? "   " : "│  "}`)];
  });
}

const nameOf = (ref: string): string => ref.slice(ref.indexOf(":") + 1);
const labelOf = (ref: string): string => `${nameOf(ref)}  (${ref.slice(0, ref.indexOf(":")).replaceAll("-", " ")})`;

/** How often a backfill is asked how far it is. */
const POLL_MS = 500;

export const backfill = defineCommand({
  name: "backfill",
  summary: "Build a view again from all events, while the old state answers",
  description: "Reads the stream from its beginning in batches, from the lake where retention has removed events from the log, so memory stays at that of the new state, and puts the new state in place once it has caught up. Refused with FEATURE_HISTORY_GONE when neither has events that the state in service knows.",
  options: { ...SERVER_OPTIONS, force: { type: "boolean", description: "Also where the view is being built already: wait for that" } },
  positionals: { view: { description: "Name of the feature view" } },
  examples: [{ command: "strata features backfill customer_activity", note: "build it again and wait" }],
  run: async (context) => {
    const { positionals: { view }, options: { force }, signal, terminal } = context;
    await using client = openApiClient(context);
    const live = async (): Promise<ViewFreshness | undefined> => (await client.get<CatalogueShow>(`/v1/catalogue/${encodeURIComponent(`feature-view:${view}`)}`, { signal })).live;
    await live(); // NOT_FOUND says which views there are
    await client.post(`/v1/features/${encodeURIComponent(view)}/backfill`, { force }, { signal });
    return await terminal.step({ running: `building ${view} again`, done: (state) => `built ${view}: ${state?.entities ?? 0} entities` }, async () => {
      let state = await live();
      while (state?.building !== undefined && !signal.aborted) {
        await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
        state = await live();
        if (state?.building !== undefined) terminal.note(`${Math.round(state.building * 100)} % of its events are read`);
      }
      return state;
    });
  },
  render: (state, { terminal }) => renderFreshness(state === undefined ? [] : [state], terminal),
});

export const freshness = defineCommand({
  name: "freshness",
  summary: "How soon events show in each view, and how old served features are",
  description: "\"applied after\" is the time from an event's own time until features show it; \"served age\" the age of the latest event behind a row when it was served. Both since the server started.",
  options: SERVER_OPTIONS,
  examples: [{ command: "strata features freshness", note: "all views" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<{ readonly views: readonly ViewFreshness[] }>("/v1/feature-freshness", { signal: context.signal });
  },
  render: ({ views }, { terminal }) => renderFreshness(views, terminal),
});

function renderFreshness(views: readonly ViewFreshness[], terminal: Terminal): void {
  terminal.table<ViewFreshness>([
    { title: "view", value: ({ view }) => view }, { title: "entities", value: ({ entities }) => entities }, { title: "memory", value: ({ memoryBytes }) => formatBytes(memoryBytes), align: "right" },
    { title: "waiting", value: ({ waitingEvents }) => waitingEvents },
    { title: "applied after p50", value: ({ appliedAfterSeconds }) => secondsText(appliedAfterSeconds.p50), align: "right" }, { title: "p99", value: ({ appliedAfterSeconds }) => secondsText(appliedAfterSeconds.p99), align: "right" },
    { title: "served age p50", value: ({ servedAgeSeconds }) => secondsText(servedAgeSeconds.p50), align: "right" }, { title: "p99", value: ({ servedAgeSeconds }) => secondsText(servedAgeSeconds.p99), align: "right" },
    { title: "reads", value: ({ servedAgeSeconds }) => servedAgeSeconds.count },
  ], views, { empty: "the definition has no feature view" });
  for (const { view, building } of views) if (building !== undefined) terminal.note(`${view} is being built: ${Math.round(building * 100)} % of its events are read`);
}

const secondsText = (seconds: number | null): string | undefined => (seconds === null ? undefined : formatElapsed(seconds * 1_000));

