/** Changing and reading points. A change is answered when it is durable and applied, whatever `wait` says: then it is "completed". */
import { StrataError } from "../../kernel/errors.ts";
import type { IndexPoints } from "../../data/index.ts";
import { OPERATIONS, operationOf } from "./point-operations.ts";
import { payloadShown } from "./payload-selection.ts";
import type { QdrantCall, QdrantParts, QdrantRoute } from "./qdrant-route.ts";
import { idOf, listOf, vectorsShown } from "./wire-points.ts";
import type { Json } from "./wire-points.ts";

export interface Shown {
  readonly withPayload: unknown;
  readonly withVector: unknown;
}

export function shownOf(body: Json, withPayloadByDefault: boolean): Shown {
  return { withPayload: body["with_payload"] ?? withPayloadByDefault, withVector: body["with_vector"] ?? body["with_vectors"] };
}

export function recordOf(points: IndexPoints, slot: number, { withPayload, withVector }: Shown): Json {
  const payload = payloadShown(points.payload(slot), withPayload), vector = vectorsShown(points, slot, withVector);
  return { id: points.id(slot), ...(payload !== undefined && { payload }), ...(vector !== undefined && { vector }) };
}

export function pointRoutes({ indexes }: QdrantParts): readonly QdrantRoute[] {
  const change = (operation: string) => async ({ parameters, body, request }: QdrantCall) => {
    const name = parameters["name"]!;
    const offset = await indexes.change(name, OPERATIONS[operation]!(body(), indexes.index(name).points.settings));
    return { operation_id: offset, status: request.query.get("wait") === "true" ? "completed" : "acknowledged" };
  };
  return [
    ["PUT", "/collections/:name/points", change("upsert")],
    ["POST", "/collections/:name/points/delete", change("delete")],
    ["POST", "/collections/:name/points/payload", change("set_payload")],
    ["PUT", "/collections/:name/points/payload", change("overwrite_payload")],
    ["POST", "/collections/:name/points/payload/delete", change("delete_payload")],
    ["POST", "/collections/:name/points/payload/clear", change("clear_payload")],
    ["PUT", "/collections/:name/points/vectors", change("update_vectors")],
    ["POST", "/collections/:name/points/vectors/delete", change("delete_vectors")],
    ["POST", "/collections/:name/points/batch", async ({ parameters, body }) => {
      const name = parameters["name"]!;
      const { settings } = indexes.index(name).points;
      const operations = listOf(body()["operations"], "operations").map((one) => operationOf(one, settings)); // all are read before the first is applied
      return Promise.all(operations.map(async (operation) => ({ operation_id: await indexes.change(name, operation), status: "completed" })));
    }],
    ["POST", "/collections/:name/points", ({ parameters, body }) => {
      const given = body();
      const { points } = indexes.index(parameters["name"]!);
      const shown = shownOf(given, true);
      return listOf(given["ids"], "ids").flatMap((id) => {
        const slot = points.slotOf(idOf(id));
        return slot === undefined ? [] : [recordOf(points, slot, shown)];
      });
    }],
    ["GET", "/collections/:name/points/:id", ({ parameters }) => {
      const { points } = indexes.index(parameters["name"]!);
      const text = parameters["id"]!;
      const id = idOf(/^\d+$/.test(text) ? Number(text) : text);
      const slot = points.slotOf(id);
      if (slot === undefined) throw new StrataError("POINT_NOT_FOUND", { id, reason: "there is none with this id" });
      return recordOf(points, slot, { withPayload: true, withVector: true });
    }],
  ];
}
