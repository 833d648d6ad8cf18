/** The rules a definition must satisfy beyond its types; pure, and complete: every problem, not the first. */
import type { Problem } from "../kernel/errors.ts";
import { columnNames } from "./aggregation.ts";
import type { Application } from "./application-type.ts";
import type { SimilarSource } from "./candidates.ts";
import { checkStreamRules } from "./derivation-check.ts";
import type { Endpoint } from "./endpoint.ts";
import { checkExpectations } from "./expectations.ts";
import { fieldsOf } from "./expression.ts";
import type { Gate } from "./gate.ts";
import type { ExpressionNode } from "./expression.ts";
import { checkFeatureService } from "./feature-service.ts";
import type { FeatureView } from "./feature-view.ts";
import { checkGraph } from "./inference-graph-check.ts";
import { checkLanguageModels } from "./language-model-check.ts";
import { entitiesOf, featureColumns } from "./model.ts";
import type { Model } from "./model.ts";
import { checkServedModel } from "./served-model-check.ts";
import type { Stream, StreamPartitioning } from "./stream.ts";
import { checkVectorIndex } from "./vector-index.ts";

const NAME = /^[a-z][a-z0-9_]{0,62}$/;

/** Names that the platform's own streams use. */
export const SYSTEM_STREAM_PREFIX = "strata_";

export function checkApplication(application: Application): readonly Problem[] {
  return [
    ...checkName("application", application.name),
    ...[...application.streams.values()].flatMap(checkStream),
    ...[...application.featureViews.values()].flatMap(checkFeatureView),
    ...[...application.featureServices.values()].flatMap((service) => [...checkName(`featureServices.${service.name}`, service.name), ...checkFeatureService(service)]),
    ...[...application.expectations.values()].flatMap((rules) => [...checkName(`expectations.${rules.name}`, rules.name), ...checkExpectations(rules)]),
    ...[...application.vectorIndexes.values()].flatMap((index) => [...checkName(`vectorIndexes.${index.name}`, index.name), ...checkVectorIndex(index)]),
    ...[...application.candidates.values()].flatMap((candidates) => [
      ...checkName(`candidates.${candidates.name}`, candidates.name),
      ...(candidates.interactions.some(({ basket }) => basket !== undefined) ? [] : [problem(`candidates.${candidates.name}.interactions`, "one interaction needs a basket key", "no-basket")]),
      ...range(`candidates.${candidates.name}.limit`, candidates.limit, 1, 1000),
      ...(candidates.similar ? checkSimilar(`candidates.${candidates.name}.similar`, candidates.similar) : []),
    ]),
    ...[...application.onDemand.values()].flatMap((onDemand) => [
      ...checkName(`onDemand.${onDemand.name}`, onDemand.name),
      ...(onDemand.outputs.length > 0 ? [] : [problem(`onDemand.${onDemand.name}.outputs`, "names no output", "empty")]),
      ...onDemand.from.filter(({ name }) => name === "request" || name === "nowMs").map(({ name }) => problem(`onDemand.${onDemand.name}.from`, `a source cannot be called "${name}": compute gets that name for something else`, "reserved-name")),
    ]),
    ...[...application.models.values()].flatMap(checkModel),
    ...[...application.endpoints.values()].flatMap(checkEndpoint),
    ...checkLanguageModels(application),
    ...[...application.servedModels.values()].flatMap((model) => [...checkName(`servedModels.${model.name}`, model.name), ...checkServedModel(model)]),
    ...[...application.graphs.values()].flatMap((graph) => [...checkName(`graphs.${graph.name}`, graph.name), ...checkGraph(graph)]),
    ...checkModelNames(application),
    ...checkSourceNames(application),
  ];
}

function checkSimilar(path: string, { index, limit, seeds }: SimilarSource): readonly Problem[] {
  return [
    ...(index.learned === undefined && index.points === undefined ? [problem(`${path}.index`, `points of "${index.name}" are not named by items: give the index \`learned\` or \`points\``, "no-items")] : []),
    ...range(`${path}.limit`, limit, 1, 1000), ...range(`${path}.seeds`, seeds, 1, 100),
  ];
}

function checkName(path: string, name: string): Problem[] {
  return NAME.test(name) ? [] : [problem(path, `"${name}" is not a name: use a lower-case letter, then up to 62 of a-z, 0-9 and _`, "bad-name")];
}

/** Requests name a model, whatever it is made of. */
function checkModelNames({ models, servedModels, graphs }: Application): Problem[] {
  return [
    ...[...servedModels.keys()].filter((name) => models.has(name)).map((name) => problem(`servedModels.${name}`, `a trained model has the name "${name}", too`, "duplicate-name")),
    ...[...graphs.keys()].filter((name) => models.has(name) || servedModels.has(name)).map((name) => problem(`graphs.${name}`, `a model has the name "${name}", too`, "duplicate-name")),
  ];
}

function checkStream(stream: Stream): Problem[] {
  const path = `streams.${stream.name}`;
  const reserved = stream.name.startsWith(SYSTEM_STREAM_PREFIX) ? [problem(path, `names starting with ${SYSTEM_STREAM_PREFIX} belong to the platform`, "reserved-name")] : [];
  const { warmAfterMs = 0, coldAfterMs = Infinity } = stream.storage;
  const tiers = coldAfterMs > warmAfterMs ? [] : [problem(`${path}.storage.coldAfter`, "must be longer than warmAfter", "out-of-range")];
  return [...checkName(path, stream.name), ...reserved, ...tiers, ...checkStreamRules(stream),
    ...(stream.time === undefined ? [] : checkFields(`${path}.time`, stream, [stream.time])),
    ...(stream.id === undefined ? [] : checkFields(`${path}.id`, stream, [stream.id])),
    ...(stream.partitioning === undefined ? [] : checkPartitioning(path, stream, stream.partitioning))];
}

const MAX_PARTITIONS = 1_024;

function checkPartitioning(path: string, stream: Stream, { key, partitions }: StreamPartitioning): Problem[] {
  const isCount = Number.isInteger(partitions) && partitions >= 1 && partitions <= MAX_PARTITIONS;
  return [...checkFields(`${path}.key`, stream, [key]), ...(isCount ? [] : [problem(`${path}.partitions`, `must be a whole number from 1 to ${MAX_PARTITIONS}`, "out-of-range")])];
}

function checkFields(path: string, stream: Stream, fields: Iterable<string>): Problem[] {
  return [...fields].filter((field) => !(field in stream.schema.shape)).map((field) =>
    problem(path, `stream "${stream.name}" has no field "${field}"; it has ${Object.keys(stream.schema.shape).join(", ")}`, "unknown-field"));
}

function checkExpression(path: string, stream: Stream, node: ExpressionNode | undefined): Problem[] {
  return node === undefined ? [] : checkFields(path, stream, fieldsOf(node));
}

function checkFeatureView(view: FeatureView): Problem[] {
  const path = `featureViews.${view.name}`;
  const keys = Object.keys(view.by);
  const entityNames: string[] = view.entities.map((entity) => entity.name);
  return [
    ...checkName(path, view.name),
    ...(entityNames.length > 0 ? [] : [problem(`${path}.entities`, "names no entity", "empty")]),
    ...entityNames.filter((name) => !keys.includes(name)).map((name) => problem(`${path}.by`, `has no key for entity "${name}"`, "missing-key")),
    ...keys.filter((key) => !entityNames.includes(key)).map((key) => problem(`${path}.by.${key}`, "is not one of the view's entities", "unknown-entity")),
    ...keys.flatMap((key) => checkExpression(`${path}.by.${key}`, view.from, view.by[key])),
    ...checkExpression(`${path}.where`, view.from, view.where),
    ...(Object.keys(view.features).length > 0 ? [] : [problem(`${path}.features`, "names no feature", "empty")]),
    ...checkColumnNames(view, path),
    ...Object.entries(view.features).flatMap(([name, node]) => [
      ...checkName(`${path}.features.${name}`, name),
      ...checkExpression(`${path}.features.${name}`, view.from, node.of),
      ...checkExpression(`${path}.features.${name}`, view.from, node.where),
    ]),
  ];
}

/** A list becomes columns of its own, `recent_1` and following, which no other feature may be called. */
function checkColumnNames({ features }: FeatureView, path: string): Problem[] {
  const columns = Object.entries(features).flatMap(([name, node]) => columnNames(name, node));
  return columns.filter((column, index) => columns.indexOf(column) !== index).map((column) => problem(`${path}.features`, `two features have the column "${column}"`, "duplicate-name"));
}

function checkModel(model: Model): Problem[] {
  const path = `models.${model.name}`;
  const known = new Set(model.examples.entities);
  const missing = entitiesOf(model.features).filter((entity) => !known.has(entity.name));
  const { parameters } = model.trainer;
  return [
    ...checkName(path, model.name),
    ...(featureColumns(model).length > 0 ? [] : [problem(`${path}.features`, "names no feature", "empty")]),
    ...model.features.filter((provider) => provider.kind === "on-demand" && provider.request !== undefined).map(({ name }) =>
      problem(`${path}.features`, `on-demand "${name}" needs values of the request, which no past event recorded; use it in a feature service`, "needs-request")),
    ...missing.map((entity) => problem(`${path}.examples`, `gives no key for entity "${entity.name}", which its features need`, "missing-key")),
    ...checkLabel(model, path),
    ...range(`${path}.trainer.trees`, parameters.trees, 1, 100_000),
    ...range(`${path}.trainer.learningRate`, parameters.learningRate, 1e-6, 1),
    ...range(`${path}.trainer.leaves`, parameters.leaves, 2, 1024),
    ...range(`${path}.trainer.rowFraction`, parameters.rowFraction, 1e-6, 1),
    ...range(`${path}.trainer.columnFraction`, parameters.columnFraction, 1e-6, 1),
    ...(parameters.objective === "multiclass" ? range(`${path}.trainer.classes`, parameters.classes ?? 0, 2, 1000) : []),
    ...(parameters.objective === "lambdarank" && model.examples.kind !== "each-candidate" ? [problem(`${path}.trainer.objective`, "lambdarank needs query groups: use eachCandidate examples", "no-groups")] : []),
    ...model.gates.flatMap((gate) => checkGate(gate, model, path)),
  ];
}

function checkLabel(model: Model, path: string): Problem[] {
  const { label, examples } = model;
  if (label.kind === "value") {
    return examples.kind === "each-event" ? checkExpression(`${path}.label`, examples.from, label.of)
      : [problem(`${path}.label`, "a value label needs eachEvent examples", "label-mismatch")];
  }
  return Object.entries(label.keys).flatMap(([key, node]) => [
    ...checkExpression(`${path}.label.${key}`, label.from, node),
    ...(examples.entities.includes(key) ? [] : [problem(`${path}.label.${key}`, "is not a key of the examples", "unknown-entity")]),
  ]);
}

const METRICS_BY_OBJECTIVE = {
  binary: ["auc", "logloss"], regression: ["rmse", "mae"], multiclass: ["accuracy", "logloss"], lambdarank: ["ndcg", "recall"],
} as const;

function checkGate({ metric, beatsChampion, beatsBaseline }: Gate, model: Model, path: string): Problem[] {
  if (metric === "rmse" && (beatsChampion || beatsBaseline !== undefined)) return [problem(`${path}.gates`, "rmse is one figure without an interval, so it can be bounded but not compared; compare mae", "not-comparable")];
  const allowed: readonly string[] = METRICS_BY_OBJECTIVE[model.trainer.parameters.objective];
  return allowed.includes(metric.split("@")[0]!) ? []
    : [problem(`${path}.gates`, `metric "${metric}" does not fit objective ${model.trainer.parameters.objective}; use ${allowed.join(" or ")}`, "bad-metric")];
}

function checkEndpoint(endpoint: Endpoint): Problem[] {
  const path = `endpoints.${endpoint.name}`;
  const given = new Set([...Object.keys(endpoint.keys), ...(endpoint.candidates ? [endpoint.candidates.item.name] : [])]);
  const fields = Object.keys(endpoint.request.shape);
  const requested = [...Object.values(endpoint.keys), ...(endpoint.seedItems ? [endpoint.seedItems] : [])];
  return [
    ...checkName(path, endpoint.name),
    ...entitiesOf(endpoint.model.features).filter((entity) => !given.has(entity.name)).map((entity) =>
      problem(`${path}.keys`, `gives no key for entity "${entity.name}", which model "${endpoint.model.name}" needs`, "missing-key")),
    ...requested.filter((field) => !fields.includes(field)).map((field) => problem(`${path}.keys`, `the request has no field "${field}"`, "unknown-field")),
    ...candidatesOf(endpoint.model).filter((name) => name !== endpoint.candidates?.name).map((name) =>
      problem(`${path}.candidates`, `model "${endpoint.model.name}" reads features of candidate source "${name}", which this endpoint does not ask`, "missing-candidates")),
    ...(endpoint.candidates === undefined && typeof endpoint.fallback === "string" ? [problem(`${path}.fallback`, "a candidate feature needs candidates", "no-candidates")] : []),
    ...endpoint.rollout.steps.flatMap((step) => range(`${path}.rollout.steps`, step, 0.001, 0.999)),
    ...range(`${path}.featureSampling`, endpoint.featureSampling, 0, 1),
    ...(endpoint.outcome ? [
      ...checkExpression(`${path}.outcome.decision`, endpoint.outcome.from, endpoint.outcome.decision),
      ...checkExpression(`${path}.outcome.item`, endpoint.outcome.from, endpoint.outcome.item),
      ...checkExpression(`${path}.outcome.reward`, endpoint.outcome.from, endpoint.outcome.reward),
    ] : []),
  ];
}

/** Names of the candidate sources whose features the model reads, directly or through on-demand features. */
function candidatesOf({ features }: Model): readonly string[] {
  const sources = features.flatMap((provider) => (provider.kind === "on-demand" ? provider.from : [provider]));
  return [...new Set(sources.filter((source) => source.kind === "candidates").map((source) => source.name))];
}

/** Feature columns are named `source.feature`, so two sources of any kind must not share a name. */
function checkSourceNames(application: Application): Problem[] {
  const names = [...application.featureViews.keys(), ...application.candidates.keys(), ...application.onDemand.keys()];
  return names.filter((name, index) => names.indexOf(name) !== index).map((name) => problem(name, `two feature sources have the name "${name}"`, "duplicate-name"));
}

function range(path: string, value: number, low: number, high: number): Problem[] {
  return value >= low && value <= high ? [] : [problem(path, `${value} is not between ${low} and ${high}`, "out-of-range")];
}

function problem(path: string, message: string, code: string): Problem {
  return { path, message, code };
}
