/**
 * Mistakes people make on the command line: each ends with its own code and status, says what to do, and prints
 * nothing to stdout but, with --json, the error as one document.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StrataError, type ErrorCode } from "../../src/kernel/errors.ts";
import { openFakeServer, runStrata, type FakeServer } from "../fake-strata-server.ts";
import { openTemporaryProject, type TemporaryProject } from "../temporary-project.ts";

interface Mistake {
  /** What is typed after `strata`. */
  readonly words: readonly string[];
  readonly code: ErrorCode;
  /** 2 for what no server and no file could make right, else 1. */
  readonly status: 1 | 2;
  /** Part of the message. */
  readonly says: RegExp;
  readonly environment?: Readonly<Record<string, string>>;
}

const FILES = {
  "app.ts": "import { defineApplication, defineStream, z } from \"strata\";\nexport default defineApplication(\"shop\", [defineStream(\"clicks\", { schema: z.object({ id: z.string() }) })]);\n",
  "broken.ts": "export default ;\n",
  "number.ts": "export default 5;\n",
  "names.ts": "import { defineApplication, defineStream, z } from \"strata\";\nexport default defineApplication(\"Shop\", [defineStream(\"clicks\", { schema: z.object({}), time: \"at\" as never })]);\n",
  "bad.csv": "id,price\n1,2\n3\n",
  "header.csv": "identifier,price\n1,2\n",
  "bad.json": "[{\"id\":\"1\"}",
  "empty.ndjson": "\n\n",
  "unknown.json": "{\"prot\": 4180, \"port\": \"many\"}",
  "list.json": "[]",
  "syntax.json": "{port: 1}",
};

const DEFINITION = { hash: "h", document: { name: "shop", resources: {
  streams: { clicks: { schema: { type: "object", properties: { id: { type: "string" } }, required: ["id"] } } },
  endpoints: { recommend: { request: { type: "object", properties: { customer: { type: "string" } } } } },
} } };

const MISTAKES: Readonly<Record<string, Mistake>> = {
  "an unknown command": { words: ["ingset"], code: "USAGE", status: 2, says: /There is no command "ingset" \(did you mean ingest\?\)/ },
  "an unknown subcommand is an argument": { words: ["models", "shwo"], code: "USAGE", status: 2, says: /"shwo" is one argument too many/ },
  "an unknown option": { words: ["status", "--ulr=x"], code: "USAGE", status: 2, says: /--ulr is not an option of this command \(did you mean --url\?\)/ },
  "a missing argument": { words: ["train"], code: "USAGE", status: 2, says: /<model> is missing/ },
  "one argument too many": { words: ["train", "a", "b"], code: "USAGE", status: 2, says: /"b" is one argument too many/ },
  "an option without its value": { words: ["predict", "recommend", "--timeout"], code: "USAGE", status: 2, says: /--timeout needs a value/ },
  "a bad duration": { words: ["status", "--timeout", "5 parsecs"], code: "USAGE", status: 2, says: /--timeout needs a duration such as 250ms/ },
  "a bad number": { words: ["ingest", "clicks", "x", "--batch", "0"], code: "USAGE", status: 2, says: /--batch must be at least 1, not 0/ },
  "a bad choice": { words: ["ingest", "clicks", "x", "--format", "xml"], code: "USAGE", status: 2, says: /--format must be one of ndjson, json, csv, not "xml"/ },
  "a bad address": { words: ["status", "--url", "ftp://x"], code: "USAGE", status: 2, says: /"ftp:\/\/x" is not the http address of a server/ },
  "a port out of range": { words: ["up", "--port", "70000"], code: "USAGE", status: 2, says: /--port must be at most 65535/ },
  "a field that is none": { words: ["predict", "recommend", "customer"], code: "USAGE", status: 2, says: /"customer" is not name=value/ },
  "bad JSON in a request": { words: ["predict", "recommend", "{\"customer\":"], code: "USAGE", status: 2, says: /is not valid JSON/ },
  "a time that is none": { words: ["features", "view", "customer=1", "--at", "noon"], code: "USAGE", status: 2, says: /--at needs a time/ },
  "a reason that is missing": { words: ["rollout", "rollback", "ranker"], code: "USAGE", status: 2, says: /--reason is required/ },
  "no choice of dead letters": { words: ["ingest", "replay", "clicks"], code: "USAGE", status: 2, says: /Choose dead letters by --id, by --reason, or --all/ },
  "several at once": { words: ["logs", "--level", "loud", "--limit", "x"], code: "USAGE", status: 2, says: /2 arguments are wrong:/ },

  "an unknown stream": { words: ["ingest", "clikcs", "bad.csv"], code: "STREAM_NOT_FOUND", status: 1, says: /There is no stream named "clikcs"/ },
  "an unknown model": { words: ["train", "rankr"], code: "MODEL_NOT_FOUND", status: 1, says: /There is no model "rankr"/ },
  "an unknown endpoint": { words: ["predict", "recomend"], code: "ENDPOINT_NOT_FOUND", status: 1, says: /There is no endpoint "recomend"/ },
  "a file that is not there": { words: ["ingest", "clicks", "nowhere.csv"], code: "FILE_NOT_FOUND", status: 1, says: /There is no file nowhere\.csv/ },
  "a folder for a file": { words: ["ingest", "clicks", "."], code: "FILE_UNREADABLE", status: 1, says: /it is a folder/ },
  "a broken CSV": { words: ["ingest", "clicks", "bad.csv"], code: "FILE_INVALID", status: 1, says: /line 3 has 1 cells, unlike the header/ },
  "a CSV of something else": { words: ["ingest", "clicks", "header.csv"], code: "FILE_INVALID", status: 1, says: /its header lacks id/ },
  "a broken JSON file": { words: ["ingest", "clicks", "bad.json"], code: "FILE_INVALID", status: 1, says: /ends before the array does, after 1 events/ },
  "a file without events": { words: ["ingest", "clicks", "empty.ndjson"], code: "FILE_INVALID", status: 1, says: /it holds no event/ },
  "no server": { words: ["status", "--url", "127.0.0.1:9"], code: "SERVER_UNREACHABLE", status: 1, says: /No Strata server answers at http:\/\/127\.0\.0\.1:9: the connection was refused/ },

  "no definition": { words: ["up", "nowhere.ts"], code: "FILE_NOT_FOUND", status: 1, says: /There is no file .*nowhere\.ts/ },
  "a definition with a syntax error": { words: ["plan", "broken.ts"], code: "DEFINITION_LOAD_FAILED", status: 1, says: /broken\.ts could not be loaded/ },
  "a definition that is none": { words: ["up", "number.ts"], code: "DEFINITION_LOAD_FAILED", status: 1, says: /its default export is not an application/ },
  "a definition with problems": { words: ["plan", "names.ts"], code: "DEFINITION_INVALID", status: 1, says: /The definition has 2 problem\(s\)/ },
  "settings that do not exist or fit": { words: ["config", "--config", "unknown.json"], code: "CONFIG_INVALID", status: 1, says: /The configuration has 2 problem\(s\)/ },
  "settings that are no object": { words: ["config", "--config", "list.json"], code: "FILE_INVALID", status: 1, says: /list\.json is not a valid JSON file: it is not an object/ },
  "settings that are no JSON": { words: ["up", "--config", "syntax.json"], code: "FILE_INVALID", status: 1, says: /syntax\.json is not a valid JSON file/ },
  "a settings file that is not there": { words: ["config", "--config", "nowhere.json"], code: "FILE_NOT_FOUND", status: 1, says: /There is no file .*nowhere\.json/ },
  "a variable with a bad value": { words: ["config"], environment: { STRATA_PORT: "many" }, code: "CONFIG_INVALID", status: 1, says: /port: .*\(from STRATA_PORT\)/ },
  "a variable that is misspelt": { words: ["up"], environment: { STRATA_PROT: "1" }, code: "CONFIG_INVALID", status: 1, says: /STRATA_PROT: unknown setting from environment/ },
  "a folder that has a project": { words: ["init", "."], code: "FILE_EXISTS", status: 1, says: /This folder already has app\.ts/ },
  "nobody to ask": { words: ["apply"], code: "USAGE", status: 2, says: /give --yes to apply without asking/ },
};

function openServer(): Promise<FakeServer> {
  return openFakeServer((line) => {
    if (line === "GET /v1/definition") return { body: DEFINITION };
    if (line === "POST /v1/plan") return { body: { changes: [{ kind: "streams", name: "clicks", action: "create", changes: [], effect: "opens a log" }] } };
    if (line.includes("/models/")) throw new StrataError("MODEL_NOT_FOUND", { model: line.split("/")[3], known: "ranker" });
    return { status: 202, body: { accepted: 1, duplicates: 0, rejected: 0, nextOffset: 1 } };
  });
}

async function make({ words, code, status, says, environment = {} }: Mistake, server: FakeServer, { folder }: TemporaryProject): Promise<void> {
  const outcome = await runStrata([...words, "--json"], server, { workingDirectory: folder, environment });
  const { error } = outcome.host.json() as { error: { code: string; message: string; hint: string; problems?: unknown } };
  assert.equal(error.code, code, error.message);
  assert.match(error.message, says);
  assert.equal(outcome.code, status);
  assert.notEqual(error.hint, "", "it says what to do next");
  assert.match(outcome.host.errors(), new RegExp(`error ${code} `));
  assert.match(outcome.host.errors(), /\nnext: /);
  assert.ok(!outcome.host.errors().includes("    at "), "no stack unless asked for");
}

test("every mistake is told apart, and told what to do about", async (t) => {
  await using project = await openTemporaryProject(FILES);
  await using server = await openServer();
  for (const [name, mistake] of Object.entries(MISTAKES)) {
    await t.test(name, () => make(mistake, server, project));
  }
});
