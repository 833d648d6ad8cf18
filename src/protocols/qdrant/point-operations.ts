/** Qdrant's changes of points as operations of an index. */
import type { IndexSettings, PointOperation } from "../../data/index.ts";
import { invalid } from "./envelope.ts";
import { chosenOf, idOf, listOf, objectOf, pointsOf, vectorsOf } from "./wire-points.ts";
import type { Json } from "./wire-points.ts";

type OperationReader = (body: Json, settings: IndexSettings) => PointOperation;

const strings = (value: unknown, what: string): readonly string[] => listOf(value, what).map((item) => {
  if (typeof item === "string") return item;
  throw invalid(`${what} must be a list of texts`);
});

/** By the names that `points/batch` gives them. */
export const OPERATIONS: Readonly<Record<string, OperationReader>> = {
  upsert: (body, settings) => ({ kind: "upsert", points: pointsOf(body, settings) }),
  delete: (body) => ({ kind: "delete", chosen: chosenOf(body) }),
  set_payload: (body) => ({ kind: "set-payload", chosen: chosenOf(body), payload: objectOf(body["payload"], "payload"), ...(typeof body["key"] === "string" && { key: body["key"] }) }),
  overwrite_payload: (body) => ({ kind: "overwrite-payload", chosen: chosenOf(body), payload: objectOf(body["payload"], "payload") }),
  delete_payload: (body) => ({ kind: "delete-payload", chosen: chosenOf(body), keys: strings(body["keys"], "keys") }),
  clear_payload: (body) => ({ kind: "clear-payload", chosen: chosenOf(body) }),
  update_vectors: (body, settings) => ({
    kind: "update-vectors", points: listOf(body["points"], "points").map((given) => {
      const { id, vector } = objectOf(given, "a point");
      return { id: idOf(id), vectors: vectorsOf(vector, settings) };
    }),
  }),
  delete_vectors: (body) => ({ kind: "delete-vectors", chosen: chosenOf(body), names: strings(body["vector"], "vector") }),
};

/** One member of a batch: {upsert: {…}}, {delete: {…}} and so on. */
export function operationOf(given: unknown, settings: IndexSettings): PointOperation {
  const entries = Object.entries(objectOf(given, "an operation"));
  const [name, body] = entries[0] ?? [];
  const read = name === undefined ? undefined : OPERATIONS[name];
  if (read === undefined || entries.length !== 1) throw invalid(`there is no operation ${JSON.stringify(name)}`);
  return read(objectOf(body, name!), settings);
}
