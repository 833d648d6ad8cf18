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
  return service.features.length > 0 ? [] : [{ path: `featureServices.${service.name}.features`, message: "names no feature", code: "empty" }];
}
