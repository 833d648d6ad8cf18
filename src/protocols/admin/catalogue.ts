/** Requests and answers of the catalogue: what there is, what each is made of, and how fresh what is served is. */
import { describeCatalogue, findEntry, lineageOf, searchCatalogue } from "../../data/index.ts";
import type { CatalogueEntry, Lineage } from "../../data/index.ts";
import type { Application } from "../../define/index.ts";
import { StrataError } from "../../kernel/errors.ts";

/** The live side of a view. */
export interface ViewFreshness {
  readonly view: string;
  readonly stream: string;
  readonly entities: number;
  readonly eventsInMemory: number;
  readonly memoryBytes: number;
  readonly appliedOffset: number;
  /** Events in the log that the view has not applied. */
  readonly waitingEvents: number;
  /** Seconds from an event's time until features showed it; null while there was none. */
  readonly appliedAfterSeconds: FreshnessQuantiles;
  /** Age of the latest event behind a row when it was served; null while nothing was read. */
  readonly servedAgeSeconds: FreshnessQuantiles;
  /** Share of the events read, while it is being built. */
  readonly building?: number;
}

export interface FreshnessQuantiles {
  readonly count: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
}

export interface CatalogueAnswer {
  readonly entries: readonly CatalogueEntry[];
}

export interface CatalogueShow extends CatalogueEntry {
  readonly lineage: Lineage;
  /** Feature views: how it stands. */
  readonly live?: ViewFreshness;
}

export interface CatalogueSources {
  readonly application: () => Application;
  readonly freshness: () => readonly ViewFreshness[];
  /** Begins to build a view again. FEATURE_VIEW_NOT_FOUND, FEATURE_HISTORY_GONE. */
  readonly rebuild: (view: string) => void;
}

const described = new WeakMap<Application, readonly CatalogueEntry[]>();

function entriesOf(application: Application): readonly CatalogueEntry[] {
  let entries = described.get(application);
  if (entries === undefined) described.set(application, entries = describeCatalogue(application));
  return entries;
}

export function listCatalogue({ application }: CatalogueSources, { search, kind }: { readonly search: string | null; readonly kind: string | null }): CatalogueAnswer {
  const entries = entriesOf(application()).filter((entry) => kind === null || entry.kind === kind);
  return { entries: search === null ? entries : searchCatalogue(entries, search) };
}

/** NOT_FOUND. */
export function showEntry({ application, freshness }: CatalogueSources, name: string): CatalogueShow {
  const entries = entriesOf(application());
  const entry = findEntry(entries, name);
  if (entry === undefined) throw new StrataError("NOT_FOUND", { kind: "resource in the catalogue", name, known: entries.map(({ kind, name: known }) => `${kind}:${known}`).join(", ") });
  const live = entry.kind === "feature-view" ? freshness().find(({ view }) => view === entry.name) : undefined;
  return { ...entry, lineage: lineageOf(entries, entry), ...(live === undefined ? {} : { live }) };
}
