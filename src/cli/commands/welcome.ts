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
  readonly endpoints: readonly string[];
  /** Shell commands that work: one event, one prediction. */
  readonly examples: readonly string[];
}

export type Started = Pick<Running, "url" | "startedMs" | "dataDir"> & { readonly definition: RunningDefinition; readonly nowMs: number };

export function describeRunning({ url, startedMs, dataDir, definition, nowMs }: Started): Running {
  const { hash, document } = definition;
  const { streams, models, endpoints } = document.resources;
  return {
    url, console: `${url}/`, application: document.name, definitionHash: hash, startedMs, dataDir,
    streams: Object.keys(streams), models: Object.keys(models), endpoints: Object.keys(endpoints),
    examples: examplesOf(document, url, nowMs),
  };
}

function examplesOf(document: ApplicationDocument, url: string, nowMs: number): readonly string[] {
  const [stream] = Object.keys(document.resources.streams);
  const [endpoint] = Object.keys(document.resources.endpoints);
  return [
    ...(stream === undefined ? [] : [curl(`${url}/v1/streams/${stream}/events`, eventSchema(document, stream), nowMs)]),
    ...(endpoint === undefined ? [] : [curl(`${url}/v1/endpoints/${endpoint}`, requestSchema(document, endpoint), nowMs)]),
  ];
}

/** Quoted for a shell: a single quote within single quotes ends, is escaped, and begins again. */
function curl(address: string, schema: JsonSchema, nowMs: number): string {
  const body = JSON.stringify(exampleOf(schema, nowMs)).replaceAll("'", String.raw`'\''`);
  return `curl ${address} -H 'content-type: application/json' -d '${body}'`;
}

export function renderWelcome(running: Running, { palette, width }: { readonly palette: Palette; readonly width: number | undefined }): string {
  const list = (names: readonly string[]): string => names.join(", ") || "none";
  const facts = renderPairs([
    ["console", palette.underline(running.console)], ["data", running.dataDir], ["streams", list(running.streams)],
    ["models", list(running.models)], ["endpoints", list(running.endpoints)], ["stop", "Ctrl-C"],
  ], { palette });
  return [
    renderBox(`${running.application} runs`, facts, { palette, width }),
    `ready in ${formatElapsed(running.startedMs)}${running.examples.length > 0 ? "; try in another terminal:" : ""}`,
    ...running.examples.map((example) => `  ${palette.cyan(example)}`),
  ].join("\n");
}
