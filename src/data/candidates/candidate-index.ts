/**
 * The candidate index: a pure function of the interactions applied to it. The same index, fed the same events of each
 * stream in offset order, gives the same candidates with the same features bit for bit, whatever the order in which
 * the streams took turns: purchases touch what only they touch, and the rest keeps the greatest of a total order.
 *
 * Features of a candidate (CANDIDATE_FEATURES): `together`, the sum over the user's seeds of the cosine of baskets with
 * both (co-occurrence.ts); `popularity`, purchases in the window before the question; `repeats`, how often the user
 * bought it; `interest`, the user's looks at it, each halved for every day since.
 */
import type { Candidates } from "../../define/index.ts";
import type { UserInteraction } from "./interaction-plan.ts";
import { CoOccurrence } from "./co-occurrence.ts";
import type { CoOccurrenceState } from "./co-occurrence.ts";
import { createNames } from "./names.ts";
import { Popularity } from "./popularity.ts";
import type { PopularityState } from "./popularity.ts";
import { mergeSources } from "./source-merge.ts";
import { selectTop } from "./top-selection.ts";
import { UserHistory } from "./user-history.ts";
import type { UserHistoryState } from "./user-history.ts";

export interface CandidateQuery {
  readonly user: string;
  /** Items of the request, such as the basket: they seed the lookup, the last ones first, and are not offered themselves. */
  readonly seedItems: readonly string[];
  /** The time of the question, ms since the epoch. */
  readonly atMs: number;
  /** Default: the definition's. */
  readonly limit?: number;
  /**
   * Items that are answered beyond the limit, whatever their scores: found elsewhere, they get their features here. Told
   * what is offered and which items seeded it, latest first. Seed items of the request are left out. It must not ask this index.
   */
  readonly also?: (offered: readonly string[], seeds: readonly string[]) => readonly string[];
}

export interface Candidate {
  readonly item: string;
  /** In the order of CANDIDATE_FEATURES. */
  readonly features: readonly number[];
}

export interface CandidateIndexState {
  readonly items: readonly string[];
  readonly users: readonly string[];
  readonly popularity: PopularityState;
  readonly coOccurrence: CoOccurrenceState;
  /** By user number. */
  readonly histories: readonly UserHistoryState[];
}

export interface CandidateIndex {
  /** Takes in what a user did. Events of one stream must come in offset order. */
  apply(interaction: UserInteraction): void;
  /** A pure read. */
  query(query: CandidateQuery): readonly Candidate[];
  state(): CandidateIndexState;
  readonly items: number;
  readonly users: number;
}

/** A look counts half as much after this time. */
const INTEREST_HALF_LIFE_MS = 86_400_000;

export function createCandidateIndex(candidates: Candidates, state?: CandidateIndexState): CandidateIndex {
  const items = createNames(state?.items);
  const users = createNames(state?.users);
  const popularity = new Popularity(candidates.popularityWindowMs, state?.popularity);
  const coOccurrence = new CoOccurrence(state?.coOccurrence);
  const histories = state?.histories.map((history) => new UserHistory(history)) ?? [];
  const scratch = createScratch();

  const historyOf = (user: string): UserHistory => histories[users.add(user)] ??= new UserHistory();
  const apply = ({ kind, user, item: name, basket, timeMs, knownAtMs }: UserInteraction): void => {
    const item = items.add(name);
    if (kind === "purchase") {
      popularity.add(item, timeMs, knownAtMs);
      if (basket !== undefined) coOccurrence.add(basket, item, items);
    }
    if (user === undefined) return;
    const history = historyOf(user);
    history.touch(item, timeMs, { names: items, most: candidates.seeds });
    if (kind === "purchase") history.buy(item);
    else history.look(item, timeMs, items);
  };

  const seedsOf = (history: UserHistory | undefined, seedItems: Iterable<number>): readonly number[] =>
    [...new Set([...seedItems, ...history?.latest() ?? []])].slice(0, candidates.seeds);

  const query = ({ user, seedItems, atMs, limit = candidates.limit, also }: CandidateQuery): readonly Candidate[] => {
    const history = historyFor(user);
    const given = new Set(seedItems.toReversed().flatMap((name) => items.find(name) ?? []));
    const { together, repeats, interest, own } = scratch.clear(items.count);
    const found: number[] = [];
    const seeds = seedsOf(history, given);
    for (const seed of seeds) coOccurrence.addScores(seed, together, found);
    const owned = addHistory(history, atMs, { repeats, interest, own });
    const counts = popularity.countsAt(atMs, items);
    const best = (among: readonly number[], scores: Float64Array): readonly number[] =>
      selectTop(given.size === 0 ? among : among.filter((item) => !given.has(item)), scores, { limit, names: items });
    const chosen = mergeSources({ together: best(found, together), own: best(owned, own), popular: best(soldItems(counts, items.count), counts) }, limit);
    const candidateOf = (item: number): Candidate => ({ item: items.name(item), features: [together[item]!, counts[item]!, repeats[item]!, interest[item]!] });
    const answer = chosen.map(candidateOf);
    const known = new Set([...chosen, ...given]);
    for (const name of new Set(also?.(answer.map(({ item }) => item), seeds.map((item) => items.name(item))))) {
      const item = items.find(name);
      if (item === undefined || !known.has(item)) answer.push(item === undefined ? { item: name, features: NOTHING_KNOWN } : candidateOf(item));
    }
    scratch.used(found, owned);
    return answer;
  };
  const historyFor = (user: string): UserHistory | undefined => {
    const number = users.find(user);
    return number === undefined ? undefined : histories[number];
  };

  return {
    apply, query,
    state: () => ({
      items: items.all, users: users.all, popularity: popularity.state(), coOccurrence: coOccurrence.state(items.count),
      histories: histories.map((history) => history.state()),
    }),
    get items() { return items.count; },
    get users() { return users.count; },
  };
}

/** Of an item that no event spoke of yet. */
const NOTHING_KNOWN: readonly number[] = Object.freeze([0, 0, 0, 0]);

function soldItems(counts: Float64Array, items: number): readonly number[] {
  const sold: number[] = [];
  for (let item = 0; item < items; item++) if (counts[item]! > 0) sold.push(item);
  return sold;
}

interface OwnScores {
  readonly repeats: Float64Array;
  readonly interest: Float64Array;
  /** The sum of both, which ranks the user's own items. */
  readonly own: Float64Array;
}

/** Adds what the user did with items, oldest look first so that sums come out the same, and lists these items. */
function addHistory(history: UserHistory | undefined, atMs: number, { repeats, interest, own }: OwnScores): readonly number[] {
  if (history === undefined) return [];
  for (const [item, times] of history.bought) repeats[item] = times;
  const { timesMs, items } = history.looks;
  for (let look = 0; look < items.length; look++) {
    if (timesMs[look]! > atMs) break;
    interest[items[look]!] = interest[items[look]!]! + 2 ** ((timesMs[look]! - atMs) / INTEREST_HALF_LIFE_MS);
  }
  const owned = [...new Set([...history.bought.keys(), ...items])];
  for (const item of owned) own[item] = repeats[item]! + interest[item]!;
  return owned.filter((item) => own[item]! > 0);
}

interface Scratch {
  readonly together: Float64Array;
  readonly repeats: Float64Array;
  readonly interest: Float64Array;
  readonly own: Float64Array;
}

/** Arrays by item number that are all zero between questions; only what a question wrote is zeroed after it. */
function createScratch() {
  let arrays = allocate(0);
  return {
    clear: (items: number): Scratch => {
      if (arrays.together.length < items) arrays = allocate(Math.max(items, arrays.together.length * 2));
      return arrays;
    },
    used: (...lists: readonly (readonly number[])[]): void => {
      for (const list of lists) {
        for (const item of list) arrays.together[item] = arrays.repeats[item] = arrays.interest[item] = arrays.own[item] = 0;
      }
    },
  };
}

function allocate(items: number): Scratch {
  return { together: new Float64Array(items), repeats: new Float64Array(items), interest: new Float64Array(items), own: new Float64Array(items) };
}
