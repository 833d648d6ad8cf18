/** `strata vectors`: vector indexes – list, show, search, upsert, snapshots. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { LearnedIndex, VectorIndexSummary, VectorSearchResult, VectorSnapshot } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import { parseJsonObject } from "../request-argument.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatCount, formatTime } from "../terminal/format.ts";

const INDEX = { index: { description: "Name of the index" } } as const;
const pathOf = (index: string, what = ""): string => `/v1/vectors/${encodeURIComponent(index)}${what}`;

const list = defineCommand({
  name: "list",
  summary: "Every vector index with its points",
  description: "Those of the definition and those made over Qdrant's API.",
  options: SERVER_OPTIONS,
  examples: [{ command: "strata vectors list", note: "all of them" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return (await client.get<{ readonly indexes: readonly VectorIndexSummary[] }>("/v1/vectors", { signal: context.signal })).indexes;
  },
  render: (indexes, { terminal }) => {
    if (indexes.length === 0) return terminal.print("There is no vector index. Declare one with defineVectorIndex, or make one over Qdrant's API.");
    terminal.table([
      { title: "index", value: ({ index }: VectorIndexSummary) => index }, { title: "points", value: ({ points }) => points },
      { title: "vectors", value: ({ vectors, sparse }) => [...Object.entries(vectors).map(([name, { dimensions, distance }]) => `${name === "" ? "" : `${name}: `}${dimensions} ${distance}`), ...sparse.map((name) => `${name}: sparse`)].join(", ") },
      { title: "from", value: ({ isDefined }) => (isDefined ? "the definition" : "the API") },
    ], indexes);
    for (const { index, problem } of indexes) if (problem !== undefined) terminal.print(`${index} is not served: ${problem}.`);
  },
});

const show = defineCommand({
  name: "show",
  summary: "One index: its vectors, fields, memory, graph",
  description: "Rows in the graph are found along it, the others by a scan; a graph is built by itself where it pays.",
  options: SERVER_OPTIONS,
  positionals: INDEX,
  examples: [{ command: "strata vectors show item_vectors", note: "size and state" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<VectorIndexSummary>(pathOf(context.positionals.index), { signal: context.signal });
  },
  render: ({ index, points, vectors, sparse, fields, aliases, isDefined }, { terminal }) => {
    terminal.pairs([["index", index], ["points", points], ["from", isDefined ? "the definition" : "the API"], ["fields", Object.entries(fields).map(([field, type]) => `${field} ${type}`).join(", ")], ["sparse", sparse.join(", ")], ["aliases", aliases.join(", ")]]);
    for (const [name, { dimensions, distance, linked, isBuilding, memoryBytes }] of Object.entries(vectors)) {
      terminal.print(`${name === "" ? "vector" : name}: ${dimensions} numbers, ${distance}, ${formatCount(linked, "row")} in the graph${isBuilding ? ", which is being built" : ""}, ${Math.round(memoryBytes / 1_048_576)} MiB`);
    }
  },
});

const search = defineCommand({
  name: "search",
  summary: "The nearest points to a vector, a text or a point; by words too",
  description: "Several ways at once are fused by reciprocal rank: --text with --keywords is hybrid search. A filter is JSON in Qdrant's form.",
  options: {
    ...SERVER_OPTIONS,
    vector: { type: "string", placeholder: "numbers", description: "Numbers with commas between them" },
    text: { type: "string", placeholder: "text", description: "Embedded by the index's own embedding" },
    id: { type: "string", placeholder: "id", description: "Points near this one; its key or its id" },
    keywords: { type: "string", placeholder: "words", description: "Points with these words in text fields (BM25)" },
    filter: { type: "string", placeholder: "json", description: "e.g. '{\"must\":[{\"key\":\"city\",\"match\":{\"value\":\"Bern\"}}]}'" },
    limit: { type: "number", integer: true, minimum: 1, maximum: 10_000, default: 10, description: "Most points" },
    exact: { type: "boolean", description: "Scan instead of walking the graph" },
  },
  positionals: INDEX,
  examples: [
    { command: "strata vectors search articles --text \"how to brew tea\" --keywords tea", note: "hybrid" },
    { command: "strata vectors search item_vectors --id 85123A --limit 5", note: "similar items" },
  ],
  run: async (context) => {
    const { options: { vector, text, id, keywords, filter, limit, exact }, positionals: { index }, usageError, signal } = context;
    const numbers = vector?.split(",").map(Number);
    if (numbers?.some((number) => !Number.isFinite(number))) throw usageError(`--vector needs numbers with commas between them, not "${vector}".`);
    await using client = openApiClient(context);
    return await client.post<VectorSearchResult>(pathOf(index, "/search"), {
      limit, ...(numbers && { vector: numbers }), ...(text !== undefined && { text }), ...(id !== undefined && { id: /^\d+$/.test(id) ? Number(id) : id }),
      ...(keywords !== undefined && { keywords }), ...(filter !== undefined && { filter: parseJsonObject(filter, usageError) }), ...(exact && { exact }),
    }, { signal });
  },
  render: ({ hits, plan }, { terminal }) => {
    terminal.table([
      { title: "id", value: ({ id }: VectorSearchResult["hits"][number]) => String(id) }, { title: "score", value: ({ score }) => score.toFixed(4) },
      { title: "payload", value: ({ payload }) => JSON.stringify(payload) },
    ], hits);
    for (const sentence of plan) terminal.note(sentence);
  },
});

const BATCH_POINTS = 500;

const upsert = defineCommand({
  name: "upsert",
  summary: "Write points from an NDJSON file",
  description: "One point per line: {\"id\": …, \"vector\": [numbers] or \"text\": \"…\", \"payload\": {…}}. An id that is no whole number or UUID is a key of yours. Points are durable when a batch is answered; writing the file again changes nothing.",
  options: SERVER_OPTIONS,
  positionals: { ...INDEX, file: { description: "NDJSON file" } },
  examples: [{ command: "strata vectors upsert articles articles.ndjson", note: "texts are embedded by the server" }],
  run: async (context) => {
    const { positionals: { index, file }, signal, terminal, usageError } = context;
    await using client = openApiClient(context);
    using bar = terminal.progress({ label: `writing ${file}` });
    let points: unknown[] = [], upserted = 0, batches = 0;
    const send = async (): Promise<void> => {
      if (points.length === 0) return;
      upserted += (await client.post<{ readonly upserted: number }>(pathOf(index, "/points"), { points }, { signal })).upserted;
      points = [];
      batches++;
      bar.update(upserted);
    };
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      if (line.trim() === "") continue;
      points.push(parseJsonObject(line, usageError));
      if (points.length === BATCH_POINTS) await send();
    }
    await send();
    return { index, upserted, batches };
  },
  render: ({ index, upserted }, { terminal }) => terminal.print(`${formatCount(upserted, "point")} written to ${index}`),
});

const train = defineCommand({
  name: "train",
  summary: "Learn the vectors of items from what was bought together",
  description: "For an index whose definition has `learned`: reads the baskets of its stream, trains in a thread of its own, and writes one point per item. Training again replaces them.",
  options: { ...SERVER_OPTIONS, timeout: { type: "duration", default: "10m", description: "How long to wait for the result" } },
  positionals: INDEX,
  examples: [{ command: "strata vectors train item_vectors", note: "items bought with the same things come near each other" }],
  run: async ({ options, environment, positionals: { index }, signal, terminal }) => {
    await using client = openApiClient({ options, environment });
    return await terminal.step({ running: `learning ${index}`, done: ({ items }) => `learned ${formatCount(items, "item")}` }, () => client.post<LearnedIndex>(pathOf(index, "/train"), {}, { signal }));
  },
  render: ({ items, baskets, pairs, removed }, { terminal }) => terminal.pairs([["items", items], ["baskets", baskets], ["pairs bought together", pairs], ["items removed", removed]]),
});

const snapshots = defineCommand({
  name: "snapshots",
  summary: "List the snapshots of an index, or take one",
  description: "A snapshot shares what it can with the index; GET /collections/<index>/snapshots/<name> downloads it as one file.",
  options: { ...SERVER_OPTIONS, take: { type: "boolean", description: "Take one first" } },
  positionals: INDEX,
  examples: [{ command: "strata vectors snapshots articles --take", note: "before a risky change" }],
  run: async (context) => {
    await using client = openApiClient(context);
    const path = pathOf(context.positionals.index, "/snapshots");
    if (context.options.take) await client.post<VectorSnapshot>(path, {}, { signal: context.signal });
    return (await client.get<{ readonly snapshots: readonly VectorSnapshot[] }>(path, { signal: context.signal })).snapshots;
  },
  render: (taken, { terminal }) => {
    if (taken.length === 0) return terminal.print("There is no snapshot.");
    terminal.table([
      { title: "snapshot", value: ({ name }: VectorSnapshot) => name }, { title: "taken", value: ({ createdAtMs }) => formatTime(createdAtMs) }, { title: "bytes", value: ({ sizeBytes }) => sizeBytes },
    ], taken);
  },
});

export const command = defineCommand({
  name: "vectors",
  summary: "List, search and fill vector indexes; take snapshots",
  description: "Vector indexes hold points with vectors and payloads. Qdrant's clients work with the same server.",
  examples: [
    { command: "strata vectors list", note: "every index" },
    { command: "strata vectors search articles --text \"how to brew tea\"", note: "the nearest points" },
  ],
  subcommands: [list, show, search, upsert, train, snapshots],
});
