/**
 * Fallbacks must be cheap: they answer when there is no time. The popular items are asked once a second, not once a
 * request, and a burst of fallbacks is one log line with a count.
 */
import type { CandidateEngine } from "../data/index.ts";
import { CANDIDATE_FEATURES } from "../define/index.ts";
import type { Endpoint } from "../define/index.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { ScoredItem } from "./prediction.ts";
import { topIndices } from "./ranking.ts";

const REFRESH_MS = 1_000;
/** No customer has this key, so the source answers what is popular with everybody. */
const NOBODY = "";

/** The endpoint's most popular items, at most a second old. */
export function createPopularItems({ candidates, clock }: { readonly candidates: CandidateEngine; readonly clock: Clock }): (endpoint: Endpoint, atMs: number) => readonly ScoredItem[] {
  const known = new Map<string, { readonly items: readonly ScoredItem[]; readonly untilMs: number }>();
  return (endpoint, atMs) => {
    const cached = known.get(endpoint.name);
    const nowMs = clock.monotonicMs();
    if (cached !== undefined && cached.untilMs > nowMs) return cached.items;
    const source = endpoint.candidates;
    if (source === undefined) return [];
    const found = candidates.query(source.name, { user: NOBODY, seedItems: [], atMs, limit: source.limit });
    const at = CANDIDATE_FEATURES.indexOf("popularity");
    const scores = Float64Array.from(found, (candidate) => candidate.features[at]!);
    const items = topIndices(scores, endpoint.limit).map((index) => ({ item: found[index]!.item, score: scores[index]! }));
    known.set(endpoint.name, { items, untilMs: nowMs + REFRESH_MS });
    return items;
  };
}

/** Logs the first fallback of an endpoint and then at most one line a second, with the number in between. */
export function createFallbackWarning({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }): (endpoint: string, fields: Readonly<Record<string, unknown>>) => void {
  const quiet = new Map<string, { untilMs: number; unsaid: number }>();
  return (endpoint, fields) => {
    const nowMs = clock.monotonicMs();
    const state = quiet.get(endpoint) ?? { untilMs: 0, unsaid: 0 };
    quiet.set(endpoint, state);
    if (state.untilMs > nowMs) {
      state.unsaid += 1;
      return;
    }
    logger.log("warn", `endpoint ${endpoint} answered with its fallback`, { ...fields, ...(state.unsaid > 0 ? { andBefore: state.unsaid } : {}) });
    state.untilMs = nowMs + REFRESH_MS;
    state.unsaid = 0;
  };
}
