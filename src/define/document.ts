/**
 * The definition as plain JSON: what is stored, hashed, compared and shown. Functions appear as their source text,
 * so editing one changes the hash.
 */
import { z } from "zod";
import { hashOf } from "../kernel/hash.ts";
import type { Application } from "./application-type.ts";
import { describeDerivation } from "./derivation.ts";
import type { Endpoint } from "./endpoint.ts";
import { describeExpectations } from "./expectations.ts";
import { describeFeatureService } from "./feature-service.ts";
import type { FeatureView } from "./feature-view.ts";
import type { Candidates } from "./candidates.ts";
import type { InferenceGraph } from "./inference-graph.ts";
import type { LanguageModel } from "./language-model.ts";
import type { Model } from "./model.ts";
import type { ServedModel } from "./served-model.ts";
import type { Stream } from "./stream.ts";
import { describeVectorIndex } from "./vector-index.ts";

export const RESOURCE_KINDS = ["streams", "featureViews", "featureServices", "expectations", "vectorIndexes", "candidates", "onDemand", "models", "endpoints", "servedModels", "graphs", "upstreams", "languageModels"] as const;
export type ResourceKind = (typeof RESOURCE_KINDS)[number];

export type ResourceDocument = Readonly<Record<string, unknown>>;

export interface ApplicationDocument {
  readonly name: string;
  readonly resources: Readonly<Record<ResourceKind, Readonly<Record<string, ResourceDocument>>>>;
}

/** The application as plain data; equal definitions give equal documents. */
export function describeApplication(application: Application): ApplicationDocument {
  return {
    name: application.name,
    resources: {
      streams: describeAll(application.streams, describeStream),
      featureViews: describeAll(application.featureViews, describeFeatureView),
      featureServices: describeAll(application.featureServices, describeFeatureService),
      expectations: describeAll(application.expectations, describeExpectations),
      vectorIndexes: describeAll(application.vectorIndexes, describeVectorIndex),
      candidates: describeAll(application.candidates, describeCandidates),
      onDemand: describeAll(application.onDemand, (onDemand) => ({
        description: onDemand.description, owner: onDemand.owner, tags: onDemand.tags.length > 0 ? onDemand.tags : undefined, from: onDemand.from.map((source) => source.name),
        request: onDemand.request && z.toJSONSchema(onDemand.request, { io: "input", unrepresentable: "any" }), outputs: onDemand.outputs, compute: onDemand.compute.toString(),
      })),
      models: describeAll(application.models, describeModel),
      endpoints: describeAll(application.endpoints, describeEndpoint),
      servedModels: describeAll(application.servedModels, describeServedModel),
      graphs: describeAll(application.graphs, describeGraph),
      upstreams: describeAll(application.upstreams, (upstream) => ({ ...upstream, kind: undefined, name: undefined })),
      languageModels: describeAll(application.languageModels, describeLanguageModel),
    },
  };
}

/** SHA-256 of the document's canonical JSON. */
export const hashApplication = (application: Application): string => hashOf(describeApplication(application));

/** Hash of everything a model's behaviour depends on: itself and, transitively, its feature sources and streams. */
export function hashModel(application: Application, model: Model): string {
  const { resources } = describeApplication(application);
  return hashOf({
    model: resources.models[model.name],
    sources: model.features.map((provider) => resources.featureViews[provider.name] ?? resources.candidates[provider.name] ?? resources.onDemand[provider.name]),
    streams: resources.streams,
  });
}

/** Hash of what a feature view computes; what is only said about it does not count. A state built under another hash is not this view's. */
export function hashFeatureView(view: FeatureView): string {
  return hashOf({ ...describeFeatureView(view), description: undefined, owner: undefined, tags: undefined });
}

/** Hash of what a candidate source indexes. */
export function hashCandidates(candidates: Candidates): string {
  return hashOf({ ...describeCandidates(candidates), description: undefined, similar: undefined }); // neighbours are asked, not indexed
}

function describeAll<T extends { readonly name: string }>(map: ReadonlyMap<string, T>, describe: (resource: T) => unknown): Record<string, ResourceDocument> {
  return Object.fromEntries([...map.values()].map((resource) => [resource.name, toPlain(describe(resource)) as ResourceDocument]));
}

/** What JSON would keep: no undefined members, no prototypes. */
function toPlain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** The JSON Schema of the events that producers send: what versions of a stream's schema are compared in. */
export function describeSchema(stream: Stream): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(stream.schema, { io: "input", unrepresentable: "any" });
}

/** What a derived stream makes depends on this: its own derivation and schema. */
export function hashDerivation(stream: Stream): string {
  return hashOf(toPlain({ derivation: describeDerivation(stream), schema: describeSchema(stream), time: stream.time }));
}

function describeStream(stream: Stream): unknown {
  const { compatibility, watermark, tierAfterMs, quota } = stream;
  const isUsual = watermark.delayMs === stream.latenessMs && watermark.idleAfterMs === 300_000;
  return {
    description: stream.description, owner: stream.owner, tags: stream.tags, schema: describeSchema(stream),
    time: stream.time, id: stream.id, latenessMs: stream.latenessMs, retention: stream.retention, ...(Object.keys(stream.storage).length > 0 ? { storage: stream.storage } : {}),
    ...(compatibility === "BACKWARD" ? {} : { compatibility }), ...(isUsual ? {} : { watermark }), tierAfterMs, quota, partitioning: stream.partitioning, derivation: describeDerivation(stream),
  };
}

function describeFeatureView(view: FeatureView): object {
  return {
    description: view.description, owner: view.owner, tags: view.tags, entities: view.entities.map((entity) => entity.name), from: view.from.name,
    by: view.by, where: view.where, features: view.features, ttlMs: view.ttlMs,
  };
}

function describeCandidates(candidates: Candidates): object {
  return {
    description: candidates.description, user: candidates.user.name, item: candidates.item.name,
    interactions: candidates.interactions.map((interaction) => ({ ...interaction, from: interaction.from.name })),
    limit: candidates.limit, popularityWindowMs: candidates.popularityWindowMs, seeds: candidates.seeds,
    ...(candidates.similar && { similar: { ...candidates.similar, index: candidates.similar.index.name } }),
  };
}

function describeModel(model: Model): unknown {
  const { examples, label } = model;
  return {
    description: model.description,
    features: Object.fromEntries(model.features.map((provider) => [provider.name, provider.selected])),
    examples: examples.kind === "each-event" ? { ...examples, from: examples.from.name } : { ...examples, candidates: examples.candidates.name },
    label: label.kind === "happens-within" ? { ...label, from: label.from.name } : label,
    trainer: model.trainer, holdoutMs: model.holdoutMs, gates: model.gates, retrain: model.retrain, cooldownMs: model.cooldownMs,
  };
}

function describeEndpoint(endpoint: Endpoint): unknown {
  return {
    description: endpoint.description, model: endpoint.model.name, candidates: endpoint.candidates?.name,
    request: z.toJSONSchema(endpoint.request, { io: "input", unrepresentable: "any" }), keys: endpoint.keys, seedItems: endpoint.seedItems,
    limit: endpoint.limit, rollout: endpoint.rollout, deadlineMs: endpoint.deadlineMs, fallback: endpoint.fallback,
    outcome: endpoint.outcome && { ...endpoint.outcome, from: endpoint.outcome.from.name }, featureSampling: endpoint.featureSampling,
  };
}

function describeServedModel({ kind: _kind, name: _name, versions, ...model }: ServedModel): unknown {
  const described = Object.entries(versions).map(([version, source]) => [version, source.kind === "function" ? { ...source, infer: source.infer.toString() } : source]);
  return { ...model, versions: Object.fromEntries(described) };
}

/** Functions inside a graph appear as their source text. */
function describeGraph({ description, inputs, outputs, root, members }: InferenceGraph): unknown {
  const plain: unknown = JSON.parse(JSON.stringify(root, (key, value: unknown) => (key === "resource" ? undefined : typeof value === "function" ? value.toString() : value)));
  return { description, inputs, outputs, root: plain, members: members.map((member) => member.name) };
}

function describeLanguageModel({ kind: _kind, name: _name, targets, semanticCache, guardrails, ...model }: LanguageModel): unknown {
  return {
    ...model, targets: targets.map((target) => ({ ...target, upstream: target.upstream.name })),
    semanticCache: semanticCache && { ...semanticCache, embedWith: semanticCache.embedWith.name },
    guardrails: guardrails.map(({ name, parameters, holdsBack }) => ({ name, parameters, holdsBack })),
  };
}
