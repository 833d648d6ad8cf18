/** Collections and their payload indexes. */
import { StrataError } from "../../kernel/errors.ts";
import { describeCollection, fieldTypeOf, settingsOf, updatedSettings } from "./collection-info.ts";
import { invalid } from "./envelope.ts";
import type { QdrantParts, QdrantRoute } from "./qdrant-route.ts";

/** What becomes part of names of files and paths elsewhere. */
const NAME = /^[^<>:"/\\|?*\p{Cc}]{1,255}$/u;

export function collectionRoutes({ indexes, isDefined }: QdrantParts): readonly QdrantRoute[] {
  const refuseDefined = (name: string): void => { if (isDefined(name)) throw new StrataError("VECTOR_INDEX_DEFINED", { index: name }); };
  const completed = (offset: number) => ({ operation_id: offset, status: "completed" });
  return [
    ["GET", "/collections", () => ({ collections: indexes.names().map((name) => ({ name })) })],
    ["GET", "/collections/:name", ({ parameters }) => describeCollection(indexes.index(parameters["name"]!))],
    ["GET", "/collections/:name/exists", ({ parameters }) => ({ exists: indexes.has(parameters["name"]!) })],
    ["PUT", "/collections/:name", async ({ parameters, body }) => {
      const name = parameters["name"]!;
      if (!NAME.test(name)) throw invalid(`"${name}" is not a name of a collection`);
      await indexes.create(name, settingsOf(body()));
      return true;
    }],
    ["PATCH", "/collections/:name", async ({ parameters, body }) => {
      const { name, points } = indexes.index(parameters["name"]!);
      await indexes.change(name, { kind: "settings", settings: updatedSettings(points.settings, body()) });
      return true;
    }],
    ["DELETE", "/collections/:name", ({ parameters }) => {
      if (!indexes.lost().has(parameters["name"]!)) refuseDefined(parameters["name"]!); // of a lost one nothing is left to keep
      return indexes.drop(parameters["name"]!);
    }],
    ["PUT", "/collections/:name/index", async ({ parameters, body }) => {
      const { field_name: field, field_schema: schema } = body();
      if (typeof field !== "string") throw invalid("field_name must be a text");
      return completed(await indexes.change(parameters["name"]!, { kind: "index-field", field, type: fieldTypeOf(schema) }));
    }],
    ["DELETE", "/collections/:name/index/:field", async ({ parameters }) => completed(await indexes.change(parameters["name"]!, { kind: "drop-field", field: parameters["field"]! }))],
    ["GET", "/collections/:name/cluster", ({ parameters }) => ({ peer_id: 0, shard_count: 1, local_shards: [{ shard_id: 0, points_count: indexes.index(parameters["name"]!).points.count, state: "Active" }], remote_shards: [], shard_transfers: [] })],
  ];
}
