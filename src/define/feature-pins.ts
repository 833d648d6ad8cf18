/**
 * What a trained version learned from, feature by feature: a hash of everything a feature's value depends on. A version
 * keeps them; when the definition in force gives a feature another hash, the version would be asked with other numbers
 * under the same name. Words about a feature do not count, and features that came later do not either.
 */
import { hashOf } from "../kernel/hash.ts";
import { hashCandidates } from "./document.ts";
import type { FeatureView } from "./feature-view.ts";
import type { FeatureProvider, Model } from "./model.ts";

/** "view.feature", or the name of a candidate source or of an on-demand function, to its hash. */
export type FeaturePins = Readonly<Record<string, string>>;

export function featurePins({ features }: Pick<Model, "features">): FeaturePins {
  return Object.fromEntries(features.flatMap(pinsOf));
}

/** The first feature of `pinned` that is gone or means something else now; undefined when all are as they were. */
export function findChangedFeature(pinned: FeaturePins, now: FeaturePins): string | undefined {
  return Object.keys(pinned).find((name) => now[name] !== pinned[name]);
}

type Pin = readonly [name: string, hash: string];

function pinsOf(provider: FeatureProvider): readonly Pin[] {
  switch (provider.kind) {
    case "feature-view": return viewPins(provider, provider.selected);
    case "candidates": return [[provider.name, hashCandidates(provider)]];
    case "on-demand": {
      const sources = provider.from.flatMap((source) => (source.kind === "feature-view" ? viewPins(source, Object.keys(source.features)) : pinsOf(source)));
      return [[provider.name, hashOf({ outputs: provider.selected, compute: provider.compute.toString() })], ...sources];
    }
  }
}

function viewPins(view: FeatureView, features: readonly string[]): readonly Pin[] {
  const { entities, from, by, where, ttlMs } = view;
  const shared = { entities: entities.map(({ name }) => name), from: from.name, by, where, ttlMs };
  return features.map((feature) => [`${view.name}.${feature}`, hashOf({ ...shared, feature: view.features[feature] })]);
}
