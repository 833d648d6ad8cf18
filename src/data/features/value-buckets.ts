/** Values as whole numbers whose counts are all that an aggregation needs: rounded numbers, intervals, offers to a sketch. */
import type { Scalar } from "../../define/index.ts";
import { OFFERS, offerOf } from "./distinct-sketch.ts";
import { QUANTILE_BUCKETS, bucketOfNumber } from "./quantile-buckets.ts";

export type BucketKind =
  | { readonly kind: "offer" | "rounded" }
  | { readonly kind: "edges"; readonly edges: readonly number[] };

/** The function from a value of the slot's type to its bucket. */
export function createBucketEncoder(bucket: BucketKind): (value: Scalar) => number {
  switch (bucket.kind) {
    case "offer": return offerOf;
    case "rounded": return (value) => bucketOfNumber(Number(value));
    case "edges": {
      const edges = Float64Array.from(bucket.edges);
      return (value) => edgesUpTo(edges, Number(value));
    }
  }
}

/** Buckets are below this. */
export function bucketsOf(bucket: BucketKind): number {
  switch (bucket.kind) {
    case "offer": return OFFERS;
    case "rounded": return QUANTILE_BUCKETS;
    case "edges": return bucket.edges.length + 1;
  }
}

/** How many edges the value has reached. */
function edgesUpTo(edges: Float64Array, value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (edges[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
