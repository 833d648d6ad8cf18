/** A feature service: a named set of features that belong together, for readers that do not name each one. */
import type { Problem } from "../kernel/errors.ts";
import type { FeatureProvider } from "./model.ts";

export interface FeatureServiceOptions {
  readonly description?: string;
  readonly owner?: string;
  readonly tags?: readonly string[];
  /** Views (whole, or narrowed by `pick`) and on-demand features. */
  readonly features: readonly FeatureProvider[];
}

export interface FeatureService<Name extends string = string> {
  readonly kind: "feature-service";
  readonly name: Name;
  readonly description: string;
  readonly owner: string | undefined;
  readonly tags: readonly string[];
  readonly features: readonly FeatureProvider[];
}

/** Declares a feature service. */
export function defineFeatureService<const Name extends string>(name: Name, options: FeatureServiceOptions): FeatureService<Name> {
  return Object.freeze({
    kind: "feature-service" as const, name, description: options.description ?? "", owner: options.owner, tags: [...options.tags ?? []],
    features: [...options.features],
  });
}

export function describeFeatureService(service: FeatureService): object {
  return {
    description: service.description, owner: service.owner, tags: service.tags,
    features: Object.fromEntries(service.features.map((provider) => [provider.name, provider.selected])),
  };
}

export function checkFeatureService(service: FeatureService): readonly Problem[] {
  const path = `featureServices.${service.name}.features`;
  const names = service.features.map(({ name }) => name);
  return [
    ...(service.features.some(({ selected }) => selected.length > 0) ? [] : [{ path, message: "names no feature", code: "empty" }]),
    ...names.filter((name, at) => names.indexOf(name) !== at).map((name) => ({ path, message: `names "${name}" twice; pick all its features at once`, code: "duplicate-name" })),
    ...service.features.filter(needsCandidates).map(({ name }) => ({ path, message: `"${name}" is asked of the candidates of one user; only an endpoint can`, code: "needs-candidates" })),
  ];
}

function needsCandidates(provider: FeatureProvider): boolean {
  return provider.kind === "candidates" || (provider.kind === "on-demand" && provider.from.some(({ kind }) => kind === "candidates"));
}
