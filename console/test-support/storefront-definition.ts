/** The definition that goes with the handmade overviews, as GET /v1/definition gives it: only what the console reads. */
export const storefrontDefinition: unknown = {
  name: "storefront",
  resources: {
    streams: {}, featureViews: {}, candidates: {}, onDemand: {},
    models: { ranker: { retrain: [{ kind: "drift", psi: 0.2, features: 3 }, { kind: "schedule", everyMs: 30 * 86_400_000 }] } },
    endpoints: {
      recommend: {
        model: "ranker", outcome: { from: "purchases", windowMs: 3_600_000 },
        rollout: { kind: "canary", steps: [0.2, 0.5], margin: 0.1, alpha: 0.05, minimumOutcomes: 200, maximumOutcomes: 20_000, shadowRequests: 100 },
      },
    },
  },
};
