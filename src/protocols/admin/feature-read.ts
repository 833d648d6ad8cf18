/**
 * Reading features of many entities at one moment: POST /v1/features/:view for one view, POST
 * /v1/feature-services/:service for a service. The path is hot, so the usual request is looked through by hand and the
 * answer written as text; what is unusual goes through the schema, which says what is wrong.
 */
import { z } from "zod";
import { selectFeatures } from "../../data/index.ts";
import type { FeatureSelection, OnlineFeatureReader, OnlineFeatures, ViewBlock } from "../../data/index.ts";
import type { Application } from "../../define/index.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { parseJsonBody } from "../json-body.ts";
import { numberText } from "../number-text.ts";
import { checked } from "./request-body.ts";

const MAX_ROWS = 10_000;

const readRequest = z.strictObject({
  /** One object of entity keys per row, e.g. [{"customer": "C1"}]. */
  keys: z.array(z.record(z.string(), z.string())).min(1).max(MAX_ROWS),
  /** Feature services with on-demand features: the request values of each row. */
  request: z.array(z.record(z.string(), z.unknown())).optional(),
  /** ms since the epoch, within what a date can be (ECMA-262, section 21.4.1.1); the platform's now when absent. */
  atMs: z.number().min(-8.64e15).max(8.64e15).optional(),
});

type ReadRequest = z.output<typeof readRequest>;

export interface FeatureReadResult {
  readonly view: string;
  readonly features: readonly string[];
  readonly atMs: number;
  /** Next offset of the view's stream: everything before it is in these values. */
  readonly offset: number;
  /** One row per key, values in the order of `features`; null = missing. */
  readonly rows: readonly (readonly FeatureValue[])[];
}

type Scalar = number | string | boolean | null;
/** A list for features such as the latest n values. */
type FeatureValue = Scalar | readonly Scalar[];

export interface FeatureServiceResult {
  readonly service: string;
  /** "view.feature", in the order of the service. */
  readonly features: readonly string[];
  readonly atMs: number;
  /** Next offset per stream. */
  readonly offsets: Readonly<Record<string, number>>;
  readonly rows: FeatureReadResult["rows"];
}

export interface FeatureReadParts {
  readonly application: () => Application;
  readonly reader: OnlineFeatureReader;
}

const VIEW_PATH = "/v1/features/";
const SERVICE_PATH = "/v1/feature-services/";

/** undefined for paths and methods that are something else's. Rejects with StrataError. */
export function handleFeatureRead(parts: FeatureReadParts, request: HttpRequest): Promise<HttpResponse> | undefined {
  const { path, method } = request;
  if (method !== "POST") return undefined;
  if (path.startsWith(VIEW_PATH)) return path.includes("/", VIEW_PATH.length) ? undefined : readView(parts, nameIn(path, VIEW_PATH), request);
  return path.startsWith(SERVICE_PATH) && !path.includes("/", SERVICE_PATH.length) ? readService(parts, nameIn(path, SERVICE_PATH), request) : undefined;
}

function nameIn(path: string, prefix: string): string {
  const name = path.slice(prefix.length);
  if (!name.includes("%")) return name;
  try {
    return decodeURIComponent(name);
  } catch {
    throw new StrataError("REQUEST_INVALID", { reason: `The path segment "${name}" is not valid percent-encoding.` });
  }
}

/** A selection with the constant parts of its answers. */
interface Prepared {
  readonly selection: FeatureSelection;
  /** JSON of the names. */
  readonly features: string;
}

interface PreparedNames {
  readonly views: Map<string, Prepared>;
  readonly services: Map<string, Prepared>;
}

const preparedBy = new WeakMap<Application, PreparedNames>();

function preparedOf(application: Application): PreparedNames {
  let prepared = preparedBy.get(application);
  if (prepared === undefined) preparedBy.set(application, prepared = { views: new Map(), services: new Map() });
  return prepared;
}

async function readView({ application, reader }: FeatureReadParts, name: string, request: HttpRequest): Promise<HttpResponse> {
  const definition = application();
  const { views } = preparedOf(definition);
  let prepared = views.get(name);
  if (prepared === undefined) {
    const view = definition.featureViews.get(name);
    if (view === undefined) throw new StrataError("FEATURE_VIEW_NOT_FOUND", { view: name, known: [...definition.featureViews.keys()].join(", ") });
    prepared = { selection: selectFeatures([{ ...view, selected: Object.keys(view.features) }]), features: JSON.stringify(Object.keys(view.features)) };
    views.set(name, prepared);
  }
  const { selection, features } = prepared;
  return readRows(reader, selection, bodyOf(request), (online) => {
    const offset = reader.offsets(selection)[selection.streams[0]!]!;
    return json(`{"view":${JSON.stringify(name)},"features":${features},"atMs":${online.atMs},"offset":${offset},"rows":${rowsText(online)}}`);
  });
}

async function readService({ application, reader }: FeatureReadParts, name: string, request: HttpRequest): Promise<HttpResponse> {
  const definition = application();
  const { services } = preparedOf(definition);
  let prepared = services.get(name);
  if (prepared === undefined) {
    const service = definition.featureServices.get(name);
    if (service === undefined) throw new StrataError("NOT_FOUND", { kind: "feature service", name, known: [...definition.featureServices.keys()].join(", ") || "none" });
    const selection = selectFeatures(service.features);
    prepared = { selection, features: JSON.stringify(namesOf(selection)) };
    services.set(name, prepared);
  }
  const { selection, features } = prepared;
  return readRows(reader, selection, bodyOf(request), (online) =>
    json(`{"service":${JSON.stringify(name)},"features":${features},"atMs":${online.atMs},"offsets":${JSON.stringify(reader.offsets(selection))},"rows":${rowsText(online)}}`));
}

const namesOf = ({ views, onDemand }: FeatureSelection): readonly string[] => [
  ...views.flatMap(({ view, features, places }) => places.map((place) => `${view.name}.${features[place]}`)),
  ...onDemand.flatMap(({ onDemand: { name }, outputs }) => outputs.map((output) => `${name}.${output}`)),
];

const HEADERS = { "content-type": "application/json; charset=utf-8" };
const json = (body: string): HttpResponse => ({ status: 200, headers: HEADERS, body, isDoneWithBody: true });

function bodyOf({ body }: HttpRequest): ReadRequest {
  const value = body.length === 0 ? {} : parseJsonBody(body);
  return isUsual(value) ? value : checked(value, readRequest);
}

/** Only keys, all of them texts: what nearly every request is. */
function isUsual(value: unknown): value is ReadRequest {
  if (typeof value !== "object" || value === null || !("keys" in value) || !Array.isArray(value.keys)) return false;
  const keys: readonly unknown[] = value.keys;
  if (keys.length === 0 || keys.length > MAX_ROWS || Object.keys(value).length !== 1) return false;
  for (const key of keys) {
    if (typeof key !== "object" || key === null || Array.isArray(key)) return false;
    for (const entity in key) if (typeof (key as Readonly<Record<string, unknown>>)[entity] !== "string") return false;
  }
  return true;
}

function readRows(reader: OnlineFeatureReader, selection: FeatureSelection, { keys, request = [], atMs }: ReadRequest, use: (online: OnlineFeatures) => HttpResponse): Promise<HttpResponse> {
  const columns: Record<string, string[]> = {};
  for (const entity of selection.entities) columns[entity] = keys.map((key) => (Object.hasOwn(key, entity) ? key[entity]! : missingKey(entity, Object.keys(key))));
  const values: Record<string, unknown[]> = {};
  for (const field of selection.requestFields) values[field] = keys.map((_, row) => request[row]?.[field]);
  return reader.read(selection, { rows: keys.length, keys: columns, request: values, ...(atMs === undefined ? {} : { atMs }) }, use);
}

function missingKey(entity: string, given: readonly string[]): never {
  throw new StrataError("ENTITY_KEY_INVALID", { entity, reason: `only ${given.join(", ") || "nothing"} was given` });
}

/** Joined lists are flat texts, which are sent faster than a chain of a thousand concatenations. */
function rowsText({ rows, views, onDemand }: OnlineFeatures): string {
  const lines: string[] = [];
  for (let row = 0; row < rows; row++) {
    const values: string[] = [];
    for (const block of views) addValues(block, row, values);
    for (const { columns } of onDemand) for (const column of columns) values.push(valueText(column[row]!));
    lines.push(values.join(","));
  }
  return `[[${lines.join("],[")}]]`;
}

function addValues({ selected: { places }, reader, values }: ViewBlock, row: number, texts: string[]): void {
  const start = row * reader.width;
  for (let at = 0; at < places.length; at++) texts.push(valueText(reader.valueOf(places[at]!, values, start)));
}

const valueText = (value: unknown): string => (typeof value === "number" ? numberText(value) : JSON.stringify(value));
