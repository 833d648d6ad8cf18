/** The Python clients of OpenAI and of Anthropic, unmodified, against the gateway: our flows over them, one test each. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { WORDS } from "../mock-upstream/behaviour.ts";
import type { Behaviour } from "../mock-upstream/behaviour.ts";
import { modelOn, openGatewayServer } from "../mock-upstream/gateway-server.ts";
import { openMockUpstream } from "../mock-upstream/mock-upstream.ts";
import { openPython } from "./python.ts";

/** What a flow asks the mock to do, by the request's `user`. */
const PLAYS: Readonly<Record<string, Behaviour>> = { "play:429": { status: 429, retryAfterSeconds: 1 }, "play:500": { status: 500 }, "play:cut": { cutAfter: 4 } };

const CLIENTS = [
  { name: "openai", packages: ["openai==2.8.1"], script: "openai_flows.py", flows: 13, base: (url: string) => url },
  { name: "anthropic", packages: ["anthropic==0.75.0"], script: "anthropic_flows.py", flows: 7, base: (url: string) => url.replace(/\/v1$/, "") },
];

for (const client of CLIENTS) {
  test(`flows of the ${client.name} Python client`, { timeout: 600_000 }, async (context) => {
    const opened = await openPython(client.packages);
    if ("obstacle" in opened) return context.skip(opened.obstacle);
    await using mock = await openMockUpstream({ behaviourOf: ({ body }) => PLAYS[String(body["user"])] });
    const patient = { firstTokenTimeout: "20s", idleTimeout: "20s", totalTimeout: "60s" } as const;
    await using server = await openGatewayServer({ models: [modelOn(mock.url, patient), modelOn(mock.url, patient, "other")] });
    const script = fileURLToPath(new URL(client.script, import.meta.url));
    const { stdout } = await opened.python.run([script, "--url", client.base(server.url), "--answer", WORDS.join("")]);
    const flows = stdout.trim().split("\n").map((line) => JSON.parse(line) as { readonly flow: string; readonly passed: boolean; readonly error?: string });
    assert.equal(flows.length, client.flows, stdout);
    for (const { flow, passed, error } of flows) await context.test(flow, () => assert.ok(passed, error));
  });
}
