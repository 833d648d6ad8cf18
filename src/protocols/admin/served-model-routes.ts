/**
 * The traffic of served models over HTTP: how it is divided, and the moves: split, canary, shadow, switch, promote,
 * rollback. Each move goes on record with its reason.
 */
import { z } from "zod";
import { StrataError } from "../../kernel/errors.ts";
import type { Route } from "../../gateway/index.ts";
import type { TrafficDesk, TrafficMove } from "../../serving/index.ts";
import { jsonResponse } from "../http.ts";
import type { HttpRequest, HttpResponse } from "../http.ts";
import { bodyOf } from "./request-body.ts";

type Handler = (parameters: Readonly<Record<string, string>>, request: HttpRequest) => Promise<HttpResponse>;

/** What routes need of the desk; in a serving process it asks the one that keeps the states. */
export type TrafficControl = Pick<TrafficDesk, "move" | "view"> & { readonly shadowReport: (model: string) => ReturnType<TrafficDesk["shadowReport"]> | Promise<ReturnType<TrafficDesk["shadowReport"]>> };

const version = z.string().min(1);
const share = z.number().positive().max(1);
const reason = z.string().trim().min(1);
const canary = z.strictObject({
  version,
  steps: z.array(share).min(1).max(100).optional(),
  stepSeconds: z.number().positive().optional(),
  minimumRequests: z.number().int().min(1).optional(),
  alpha: z.number().positive().max(0.5).optional(),
  margin: z.number().min(0).max(1).optional(),
  sloMs: z.number().positive().optional(),
  shadowRequests: z.number().int().min(0).optional(),
  tolerance: z.number().min(0).optional(),
  maximumDifferent: z.number().min(0).max(1).optional(),
  maximumSeconds: z.number().positive().optional(),
});
const move = z.strictObject({
  reason,
  split: z.strictObject({
    variants: z.array(z.strictObject({ variant: z.string().min(1), version, share })).max(20),
    rules: z.array(z.strictObject({ header: z.string().min(1), equals: z.string(), variant: z.string().min(1) })).max(100).optional(),
  }).optional(),
  canary: canary.optional(),
  shadow: z.strictObject({ version, share: share.optional(), tolerance: z.number().min(0).optional() }).nullable().optional(),
  switch: z.strictObject({ version }).optional(),
});

const ACTOR = "admin-api";

export function servedModelRoutes(traffic: TrafficControl): readonly Route<Handler>[] {
  const route = (method: "GET" | "POST", path: string, summary: string, handle: Handler): Route<Handler> => ({ method, pattern: `/v1/served-models/:model/${path}`, summary, handle });
  return [
    route("GET", "traffic", "which versions answer, how they do, and every move with its reason", async ({ model }) => jsonResponse(await traffic.view(model!))),
    route("POST", "traffic", "move traffic: {reason} and one of split, canary, shadow, switch", async ({ model }, request) => {
      const body = bodyOf(request, move);
      return jsonResponse(await traffic.move(model!, moveOf(body), { reason: body.reason, actor: ACTOR }));
    }),
    route("POST", "promote", "the canary or a variant answers everybody: {reason, variant?}", async ({ model }, request) => {
      const body = bodyOf(request, z.strictObject({ reason, variant: z.string().min(1).optional() }));
      return jsonResponse(await traffic.move(model!, { kind: "promote", ...(body.variant !== undefined && { variant: body.variant }) }, { reason: body.reason, actor: ACTOR }));
    }),
    route("POST", "rollback", "end a split or canary, or go back to what answered before: {reason}", async ({ model }, request) =>
      jsonResponse(await traffic.move(model!, { kind: "rollback" }, { reason: bodyOf(request, z.strictObject({ reason })).reason, actor: ACTOR }))),
    route("GET", "shadow-report", "how another version's answers to copied requests differ", async ({ model }) => jsonResponse(await traffic.shadowReport(model!))),
  ];
}

function moveOf(body: z.output<typeof move>): TrafficMove {
  const given = (["split", "canary", "shadow", "switch"] as const).filter((kind) => body[kind] !== undefined);
  if (given.length !== 1) throw new StrataError("REQUEST_INVALID", { reason: `Give exactly one of split, canary, shadow and switch, not ${given.length === 0 ? "none" : given.join(" and ")}.` });
  if (body.split) return { kind: "split", arms: body.split.variants, rules: (body.split.rules ?? []).map((rule) => ({ ...rule, header: rule.header.toLowerCase() })) };
  if (body.canary) return canaryMove(body.canary);
  if (body.switch) return { kind: "switch", version: body.switch.version };
  const { shadow } = body;
  return { kind: "shadow", shadow: shadow ? defined(shadow) : null };
}

function canaryMove({ version, stepSeconds, maximumSeconds, ...plan }: z.output<typeof canary>): TrafficMove {
  return {
    kind: "canary", version,
    plan: { ...defined(plan), ...(stepSeconds !== undefined && { stepMs: stepSeconds * 1_000 }), ...(maximumSeconds !== undefined && { maximumMs: maximumSeconds * 1_000 }) },
  };
}

/** The object without members that are undefined. */
function defined<T extends object>(value: T): { readonly [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> }; // what is left
}

