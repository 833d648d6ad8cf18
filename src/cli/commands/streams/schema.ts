/** `strata streams schema`: the versions of a stream's schema, or whether a JSON Schema could be the next one. */
import { readFile } from "node:fs/promises";
import { StrataError, reasonOf } from "../../../kernel/errors.ts";
import type { SchemaJudgement, StoredSchema } from "../../../platform/api.ts";
import { defineCommand } from "../../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../../server-options.ts";
import { formatTime } from "../../terminal/format.ts";
import type { Column } from "../../terminal/table.ts";

interface SchemaList {
  readonly stream: string;
  readonly compatibility: string;
  readonly versions: readonly StoredSchema[];
}

const check = defineCommand({
  name: "check",
  summary: "Ask whether a JSON Schema could be the stream's next version",
  description: "For a producer's CI: exit status 1 when the schema breaks the stream's compatibility, with one sentence for each problem. Nothing is changed.",
  options: SERVER_OPTIONS,
  positionals: { stream: { description: "Name of the stream" }, file: { description: "JSON Schema" } },
  examples: [{ command: "strata streams schema check purchases purchase.schema.json", note: "exit status 1 when it breaks readers" }],
  run: async (context) => {
    const { stream, file } = context.positionals;
    await using client = openApiClient(context);
    return await client.post<SchemaJudgement>(`/v1/streams/${encodeURIComponent(stream)}/schemas/check`, { schema: await readSchema(file) }, { signal: context.signal });
  },
  exitCode: ({ compatible }) => (compatible ? 0 : 1),
  render: ({ compatible, compatibility, findings, knownAs }, { terminal }) => {
    if (compatible) return terminal.print(knownAs === undefined ? `compatible (${compatibility})` : `compatible (${compatibility}): it is version ${knownAs}`);
    terminal.print(`not compatible (${compatibility}):`);
    for (const { path, message } of findings) terminal.print(`  ${path === "" ? "the event" : path}: ${message}`);
  },
});

async function readSchema(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as unknown;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") throw new StrataError("FILE_NOT_FOUND", { path: file }, { cause: thrown });
    throw new StrataError("FILE_INVALID", { path: file, format: "JSON", reason: reasonOf(thrown) }, { cause: thrown });
  }
}

export const schema = defineCommand({
  name: "schema",
  summary: "List the versions of a stream's schema, or check a new one",
  description: "Each version is the JSON Schema of what producers send. A definition whose schema breaks the stream's compatibility is refused when it is applied; --json prints the schemas themselves.",
  options: SERVER_OPTIONS,
  positionals: { stream: { description: "Name of the stream" } },
  examples: [
    { command: "strata streams schema purchases", note: "the versions" },
    { command: "strata streams schema purchases --json | jq .versions[-1].schema", note: "the latest schema" },
  ],
  subcommands: [check],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<SchemaList>(`/v1/streams/${encodeURIComponent(context.positionals.stream)}/schemas`, { signal: context.signal });
  },
  render: ({ stream, compatibility, versions }, { terminal }) => {
    terminal.print(`${stream}: ${compatibility}`);
    terminal.table([
      { title: "version", value: ({ version }) => version }, { title: "from offset", value: ({ fromOffset }) => fromOffset }, { title: "since", value: ({ createdAtMs }) => formatTime(createdAtMs) },
      { title: "fields", value: (version) => Object.keys(version.schema.properties ?? {}).join(", ") }, { title: "hash", value: ({ hash }) => hash.slice(0, 12) },
    ] satisfies readonly Column<StoredSchema>[], versions);
  },
});
