/** The result of a search: its steps, the breaking point, and what follows for capacity. */
import type { Capacity, LoadBounds, LoadSearch } from "../../../platform/load-test.ts";

export interface SearchReport extends LoadSearch {
  readonly kind: "search";
  readonly target: string;
  readonly notes: readonly string[];
  readonly bounds: LoadBounds;
  readonly capacity: Capacity;
  readonly headroom: number;
  /** Where the picture was written. */
  readonly svg?: string;
  readonly isStopped: boolean;
}
