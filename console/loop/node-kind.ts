/** The kinds of nodes in the picture of the loop, and what people call them. */
export type NodeKind = "stream" | "view" | "candidates" | "model" | "endpoint";

export const KIND_NAMES: Readonly<Record<NodeKind, string>> = { stream: "Stream", view: "Feature view", candidates: "Candidates", model: "Model", endpoint: "Endpoint" };
