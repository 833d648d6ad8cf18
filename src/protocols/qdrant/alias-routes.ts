/** Other names for collections. */
import { invalid } from "./envelope.ts";
import type { QdrantParts, QdrantRoute } from "./qdrant-route.ts";
import { listOf, objectOf } from "./wire-points.ts";

export function aliasRoutes({ indexes }: QdrantParts): readonly QdrantRoute[] {
  const list = (collection?: string) => ({
    aliases: [...indexes.aliases()].map(([alias, target]) => ({ alias_name: alias, collection_name: target })).filter(({ collection_name: name }) => collection === undefined || name === collection),
  });
  const text = (value: unknown, what: string): string => {
    if (typeof value === "string" && value !== "") return value;
    throw invalid(`${what} must be a text`);
  };
  return [
    ["GET", "/aliases", () => list()],
    ["GET", "/collections/:name/aliases", ({ parameters }) => list(indexes.index(parameters["name"]!).name)],
    ["POST", "/collections/aliases", async ({ body }) => {
      for (const given of listOf(body()["actions"], "actions")) {
        const [kind, action] = Object.entries(objectOf(given, "an action"))[0] ?? [];
        const { alias_name: alias, collection_name: collection, old_alias_name: from, new_alias_name: to } = objectOf(action, "an action");
        if (kind === "create_alias") await indexes.alias(text(alias, "alias_name"), text(collection, "collection_name"));
        else if (kind === "delete_alias") await indexes.alias(text(alias, "alias_name"), null);
        else if (kind === "rename_alias") {
          const { name } = indexes.index(text(from, "old_alias_name"));
          await indexes.alias(text(to, "new_alias_name"), name);
          await indexes.alias(text(from, "old_alias_name"), null);
        } else throw invalid(`there is no action ${JSON.stringify(kind)}`);
      }
      return true;
    }],
  ];
}
