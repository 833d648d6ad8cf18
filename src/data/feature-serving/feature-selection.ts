/**
 * Which features a reader wants, resolved against a definition: of which views, through which on-demand functions, and
 * what the reader must give for them. Made once per selection and kept; pure.
 */
import type { FeatureProvider, FeatureView, OnDemand } from "../../define/index.ts";

/** One view to read. */
export interface SelectedView {
  readonly view: FeatureView;
  readonly entities: readonly string[];
  /** All features of the view, in its order. */
  readonly features: readonly string[];
  /** Places in `features` of those that the reader gets, in the order asked; none when only on-demand features need the view. */
  readonly places: readonly number[];
}

export interface SelectedOnDemand {
  readonly onDemand: OnDemand;
  /** The outputs that the reader gets. */
  readonly outputs: readonly string[];
  /** Places of its sources in `views`. */
  readonly sources: readonly number[];
}

export interface FeatureSelection {
  /** Each view once, in first-seen order. */
  readonly views: readonly SelectedView[];
  readonly onDemand: readonly SelectedOnDemand[];
  /** Entities whose keys are needed. */
  readonly entities: readonly string[];
  /** Request values that on-demand features need. */
  readonly requestFields: readonly string[];
  /** Streams whose acknowledged events must be visible before reading. */
  readonly streams: readonly string[];
}

/** The features of providers, each narrowed by its `selected`. Candidate sources are refused by the definition's check. */
export function selectFeatures(providers: readonly FeatureProvider[]): FeatureSelection {
  const wanted = new Map<string, { readonly view: FeatureView; readonly features: readonly string[] }>();
  const want = (view: FeatureView, features: readonly string[]): void => {
    const before = wanted.get(view.name);
    wanted.set(view.name, { view, features: [...new Set([...before?.features ?? [], ...features])] });
  };
  for (const provider of providers) {
    if (provider.kind === "feature-view") want(provider, provider.selected);
    else if (provider.kind === "on-demand") for (const source of viewsOf(provider)) want(source, []);
  }
  const views = [...wanted.values()].map(({ view, features }): SelectedView => {
    const all = Object.keys(view.features);
    return { view, entities: view.entities.map(({ name }) => name), features: all, places: features.map((feature) => all.indexOf(feature)) };
  });
  const placeOf = (view: FeatureView): number => views.findIndex((selected) => selected.view.name === view.name);
  const onDemand = providers.filter((provider) => provider.kind === "on-demand");
  return {
    views,
    onDemand: onDemand.map((each) => ({ onDemand: each, outputs: each.selected, sources: viewsOf(each).map(placeOf) })),
    entities: [...new Set(views.flatMap(({ entities }) => entities))],
    requestFields: [...new Set(onDemand.flatMap(({ request }) => Object.keys(request?.shape ?? {})))],
    streams: [...new Set(views.map(({ view }) => view.from.name))],
  };
}

const viewsOf = (onDemand: OnDemand): readonly FeatureView[] => onDemand.from.filter((source) => source.kind === "feature-view");
