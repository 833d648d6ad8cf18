/** What `strata up` says when it is ready: where it is, what it takes and answers, and commands to copy. Pure. */
import type { ApplicationDocument } from "../../platform/definition.ts";
import { eventSchema, requestSchema, type RunningDefinition } from "../running-definition.ts";
import { exampleOf, type JsonSchema } from "../schema-value.ts";
import { renderBox } from "../terminal/box.ts";
import type { Palette } from "../terminal/color.ts";
import { formatElapsed } from "../terminal/format.ts";
import { renderPairs } from "../terminal/table.ts";

export interface Running {
  readonly url: string;
  /** Address of the web console. */
  readonly console: string;
  readonly application: string;
  readonly definitionHash: string;
  /** How long it took from the start of the command, in ms. */
  readonly startedMs: number;
  readonly dataDir: string;
  readonly streams: readonly string[];
  readonly models: readonly string[];
  /** Served models and graphs. */
  readonly served: readonly string[];
  readonly endpoints: readonly string[];
  readonly languageModels: readonly string[];
  /** Shell commands that work: one event, one prediction. */
  readonly examples: readonly string[];
}

export type Started = Pick<Running, "url" | "startedMs" | "dataDir"> & { readonly definition: RunningDefinition; readonly nowMs: number };

export function describeRunning({ url, startedMs, dataDir, definition, nowMs }: Started): Running {
  const { hash, document } = definition;
  const { streams, models, servedModels, graphs, endpoints, languageModels } = document.resources;
  return {
    url, console: `${url}/`, application: document.name, definitionHash: hash, startedMs, dataDir,
    streams: Object.keys(streams), models: Object.keys(models), served: [...Object.keys(servedModels), ...Object.keys(graphs)], endpoints: Object.keys(endpoints), languageModels: Object.keys(languageModels),
    examples: examplesOf(document, url, nowMs),
  };
}

function examplesOf(document: ApplicationDocument, url: string, nowMs: number): readonly string[] {
  const [stream] = Object.keys(document.resources.streams);
  const [endpoint] = Object.keys(document.resources.endpoints);
  const [served] = [...Object.keys(document.resources.graphs), ...Object.keys(document.resources.servedModels)];
  const [languageModel] = Object.keys(document.resources.languageModels);
  return [
    ...(stream === undefined ? [] : [curl(`${url}/v1/streams/${stream}/events`, eventSchema(document, stream), nowMs)]),
    ...(endpoint === undefined ? [] : [curl(`${url}/v1/endpoints/${endpoint}`, requestSchema(document, endpoint), nowMs)]),
    ...(served === undefined ? [] : [`curl ${url}/v2/models/${served}`]),
    ...(languageModel === undefined ? [] : [post(`${url}/v1/chat/completions`, { model: languageModel, messages: [{ role: "user", content: "Hello" }] })]),
  ];
}

function curl(address: string, schema: JsonSchema, nowMs: number): string {
  return post(address, exampleOf(schema, nowMs));
}

/** Quoted for a shell: a single quote within single quotes ends, is escaped, and begins again. */
function post(address: string, value: unknown): string {
  const body = JSON.stringify(value).replaceAll("'", String.raw`'\''`);
  return `curl ${address} -H 'content-type: application/json' -d '${body}'`;
}

export function renderWelcome(running: Running, { palette, width }: { readonly palette: Palette; readonly width: number | undefined }): string {
  const facts = renderPairs([
    ["console", palette.underline(running.console)], ["data", running.dataDir], ...declaredOf(running).map(([kind, names]) => [kind, names.join(", ")] as const), ["stop", "Ctrl-C"],
  ], { palette });
  return [
    renderBox(`${running.application} runs`, facts, { palette, width }),
    `ready in ${formatElapsed(running.startedMs)}${running.examples.length > 0 ? "; try in another terminal:" : ""}`,
    ...running.examples.map((example) => `  ${palette.cyan(example)}`),
  ].join("\n");
}

/** Kinds that the application does not have are left out; one that has nothing says so. */
function declaredOf({ streams, models, endpoints, served, languageModels }: Running): readonly (readonly [kind: string, names: readonly string[]])[] {
  const kinds = [["streams", streams], ["models", models], ["endpoints", endpoints], ["served", served], ["language", languageModels]] as const;
  const there = kinds.filter(([, names]) => names.length > 0);
  return there.length > 0 ? there : [["resources", ["none"]]];
}
