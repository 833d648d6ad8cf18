/** `strata explain`: why an inference took as long as it did: what it waited for, with whom it ran, how long that took. */
import type { ExplainedRequest } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import type { Palette } from "../terminal/color.ts";
import { formatTime } from "../terminal/format.ts";
import { renderTable } from "../terminal/table.ts";
import type { Column } from "../terminal/table.ts";
import { toSingleLine } from "../terminal/width.ts";

interface Explained { readonly requests: readonly ExplainedRequest[] }

export const command = defineCommand({
  name: "explain",
  summary: "Show how recent inference requests were run, and why they took so long",
  description: "Names a model, or the id of one request: then every step of it is shown, those of a graph too. The server remembers its newest 4,096 requests.",
  options: { ...SERVER_OPTIONS, limit: { type: "number", integer: true, minimum: 1, maximum: 1000, default: 20, description: "Most requests to show" } },
  positionals: { subject: { description: "Name of a model or id of a request (default: all requests)", optional: true } },
  examples: [
    { command: "strata explain", note: "the latest requests" },
    { command: "strata explain digits", note: "those of one model" },
    { command: "strata explain 7f9c2a --json", note: "one request, as data" },
  ],
  run: async (context): Promise<Explained> => {
    await using client = openApiClient(context);
    const { positionals: { subject }, options: { limit }, signal } = context;
    const ask = (query: { readonly id?: string; readonly model?: string }): Promise<Explained> => client.get<Explained>("/v1/explain", { query: { ...query, limit }, signal });
    if (subject === undefined) return await ask({});
    const byId = await ask({ id: subject });
    return byId.requests.length > 0 ? byId : await ask({ model: subject });
  },
  render: ({ requests }, { terminal, positionals: { subject } }) => {
    if (requests.length === 0) return terminal.print(subject === undefined ? "no inference request yet" : `no recent request of a model or with an id "${toSingleLine(subject)}"`);
    terminal.print(renderTable(columns(terminal.palette), requests, { palette: terminal.palette, width: terminal.width }));
    if (requests.length > 1 && subject === undefined) return;
    terminal.print();
    for (const { model, version, sentence } of requests.slice(0, SENTENCES)) terminal.print(`${terminal.palette.dim(`${toSingleLine(model)}/${toSingleLine(version)}`)}  ${toSingleLine(sentence)}`);
  },
});

/** A screen of them; the table has them all. */
const SENTENCES = 10;

const milliseconds = (ms: number): string => (ms < 10 ? ms.toFixed(2) : ms.toFixed(0));

function columns(palette: Palette): readonly Column<ExplainedRequest>[] {
  return [
    { title: "time", value: ({ atMs }) => palette.dim(formatTime(atMs)) },
    { title: "request", value: ({ id }) => id },
    { title: "model", value: ({ model, version, variant }) => `${model}/${version}${variant === undefined ? "" : ` ${variant}`}` },
    { title: "why it left", value: ({ outcome, code, note }) => (outcome === "failed" ? palette.red(code ?? "failed") : note.reason) },
    { title: "queued ms", align: "right", value: ({ note }) => milliseconds(note.queuedMs) },
    { title: "run ms", align: "right", value: ({ note }) => milliseconds(note.runMs) },
    { title: "rows", value: ({ note }) => note.rows },
    { title: "requests", value: ({ note }) => note.requests },
    { title: "waiting", value: ({ note }) => note.waiting },
  ];
}
