/**
 * On-demand features: a pure function of other features, the request and the time, computed when asked.
 * The very same function object runs in serving and in the training set.
 */
import type { z } from "zod";
import type { Candidates, CandidateFeature } from "./candidates.ts";
import type { FeatureView } from "./feature-view.ts";

export type FeatureSource = FeatureView | Candidates;

type ValuesOfSource<Source> = Source extends FeatureView<string, string, infer Values> ? { readonly [Name in keyof Values]: Values[Name] | null }
  : Source extends Candidates ? Readonly<Record<CandidateFeature, number | null>>
  : never;

/** What `compute` receives: one group of values per source, by the source's name, and `nowMs`, the time of the question. */
export type OnDemandInput<Sources extends readonly FeatureSource[]> =
  { readonly [Source in Sources[number] as Source["name"]]: ValuesOfSource<Source> } & { readonly nowMs: number };

export interface OnDemandOptions<Sources extends readonly FeatureSource[], Outputs extends readonly string[], Request extends z.ZodRawShape> {
  readonly description?: string;
  readonly owner?: string;
  readonly tags?: readonly string[];
  /**
   * Values that only the caller knows, such as the amount of the order in hand; `compute` gets them as `request`. A
   * feature service can ask for them; a model cannot learn from them, because no event recorded them.
   */
  readonly request?: z.ZodObject<Request>;
  readonly from: Sources;
  readonly outputs: Outputs;
  /** Pure: no clock, no chance, no outside state. null means missing. */
  readonly compute: (input: OnDemandInput<Sources> & { readonly request: z.output<z.ZodObject<Request>> }) => { readonly [Name in Outputs[number]]: number | null };
}

export interface OnDemand<Name extends string = string, Output extends string = string> {
  readonly kind: "on-demand";
  readonly name: Name;
  readonly description: string;
  readonly owner: string | undefined;
  readonly tags: readonly string[];
  readonly from: readonly FeatureSource[];
  /** What the caller must give; undefined when nothing. */
  readonly request: z.ZodObject | undefined;
  readonly outputs: readonly Output[];
  readonly compute: (input: Readonly<Record<string, unknown>>) => Readonly<Record<string, number | null>>;
  readonly selected: readonly Output[];
}

/**
 * Declares on-demand features.
 *
 * ```ts
 * const recency = defineOnDemand("recency", {
 *   from: [customerActivity], outputs: ["days_since_order"],
 *   compute: ({ customer_activity, nowMs }) => ({
 *     days_since_order: customer_activity.last_order === null ? null : (nowMs - customer_activity.last_order) / 86_400_000,
 *   }),
 * });
 * ```
 */
export function defineOnDemand<const Name extends string, const Sources extends readonly FeatureSource[], const Outputs extends readonly string[], Request extends z.ZodRawShape = {}>(
  name: Name, options: OnDemandOptions<Sources, Outputs, Request>,
): OnDemand<Name, Outputs[number]> {
  return Object.freeze({
    kind: "on-demand" as const, name, description: options.description ?? "",
    owner: options.owner, tags: [...options.tags ?? []],
    from: options.from, request: options.request, outputs: options.outputs,
    compute: options.compute as unknown as OnDemand["compute"], // the platform builds the input from the same sources
    selected: options.outputs,
  });
}
