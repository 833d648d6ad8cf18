/** An overview with data quality: one rule fails, one has stopped its stream, one quarantines; a profile and two tiers. */
import type { DataOverview, Overview } from "../../src/protocols/admin/overview.ts";
import { NOW_MS, storefrontOverview } from "./storefront-overview.ts";

export const storefrontData: DataOverview = {
  streams: [
    { stream: "purchases", waitingRows: 1_284, tiers: [{ tier: "hot", files: 4, sizeBytes: 3_250_000 }, { tier: "warm", files: 12, sizeBytes: 41_900_000 }], freshnessMs: { p50: 3.2, p99: 18.4 } },
    { stream: "clicks", waitingRows: 0, tiers: [] },
  ],
  expectations: [
    {
      name: "purchases_quality", description: "What purchases must look like before they are learned from.", stream: "purchases",
      stopped: { atMs: NOW_MS - 1_380_000, rule: "plausible_price", reason: "12.4 % of 12,431 events of the last hour (1,541) have price above 1,000; at most 10 % may." },
      rules: [
        { rule: "has_country", action: "warn", status: "passing", sentence: "None of 12,431 events of the last hour has no country; at most 5 % may.", because: "", trend: [0.01, 0.02, 0, 0, 0.01, 0, 0], samples: [] },
        {
          rule: "possible_quantity", action: "quarantine", status: "failing", sentence: "0.016 % of 12,431 events of the last hour (2) have quantity above 1,000,000; none may.", because: "nobody sells a million of anything here", trend: [0, 0, 0, 0.0002, 0, 0.0002],
          samples: [{ place: 14, values: { quantity: 8_099_500 }, deadLetterId: "14" }],
        },
        {
          rule: "plausible_price", action: "stop", status: "failing", sentence: "12.4 % of 12,431 events of the last hour (1,541) have price above 1,000; at most 10 % may.", because: "prices in pence would teach the ranker nonsense", trend: [0.01, 0.01, 0.02, 0.03, 0.06, 0.09, 0.124],
          samples: [{ place: 128_011, values: { price: 1_495 } }, { place: 128_144, values: { price: 2_550 } }],
        },
        { rule: "stable_price", action: "warn", status: "waiting", sentence: "4,120 more events are needed: 5,000 as the reference, then 2,000 to compare with it.", because: "", trend: [], samples: [] },
      ],
    },
    { name: "clicks_quality", description: "", stream: "clicks", rules: [{ rule: "known_item", action: "warn", status: "passing", sentence: "0.4 % of 90,112 events of the last day (361) name item that stream items does not have; at most 1 % may.", because: "", trend: [0.004, 0.004, 0.005, 0.004], samples: [] }] },
  ],
  profiles: [{
    stream: "purchases", rows: 285_421,
    columns: [
      { name: "price", kind: "numeric", missingShare: 0, distinct: 1_210, bars: [120, 300, 480, 420, 260, 190, 140, 90, 60, 40, 30, 22, 15, 12, 8, 6, 4, 3, 2, 9].map((count, at) => ({ label: `${at} to ${at + 1}`, count: count * 100 })) },
      { name: "customer", kind: "categorical", missingShare: 0.284, distinct: 3_520, bars: [{ label: "17841", count: 4_100 }, { label: "14911", count: 3_050 }, { label: "14096", count: 900 }] },
      { name: "country", kind: "categorical", missingShare: 0, distinct: 38, bars: [{ label: "United Kingdom", count: 261_000 }, { label: "Germany", count: 5_100 }, { label: "France", count: 4_600 }] },
      { name: "decision", kind: "categorical", missingShare: 1, distinct: 0, bars: [] },
    ],
  }],
};

export function storefrontWithData(): Overview {
  return storefrontOverview({ data: storefrontData });
}
