/** The kinds of nodes in the pictures of the loop and of the gateway, and what people call them. */
export type NodeKind = LoopKind | GatewayKind;
export type LoopKind = "stream" | "view" | "candidates" | "model" | "endpoint";
export type GatewayKind = "caller" | "language" | "upstream";

export const LOOP_KINDS: readonly LoopKind[] = ["stream", "view", "candidates", "model", "endpoint"];

export const KIND_NAMES: Readonly<Record<NodeKind, string>> = { stream: "Stream", view: "Feature view", candidates: "Candidates", model: "Model", endpoint: "Endpoint", caller: "Caller", language: "Language model", upstream: "Upstream" };
