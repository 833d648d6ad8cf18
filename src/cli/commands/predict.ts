/** `strata predict`: ask an endpoint. */
import type { Answer } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../command.ts";
import { parseRequest } from "../request-argument.ts";
import { readRunningDefinition, requestSchema } from "../running-definition.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatNumber } from "../terminal/format.ts";

export const command = defineCommand({
  name: "predict",
  summary: "Ask an endpoint for a prediction",
  description: "Sends one request to an endpoint and shows the answer with its decision id and the version that answered. Fields are name=value, read by the endpoint's own schema, or one JSON object.",
  options: {
    ...SERVER_OPTIONS,
    variant: { type: "enum", values: ["champion", "canary"], description: "Ask this variant instead of the stable split" },
  },
  positionals: { endpoint: { description: "Name of the endpoint" }, fields: { description: "Fields of the request, customer=C1, or one JSON object", multiple: true, optional: true } },
  examples: [
    { command: "strata predict recommend customer=C10001", note: "recommendations for one customer" },
    { command: "strata predict recommend customer=C1 basket=P10001 basket=P10002", note: "a list is a field given several times" },
    { command: "strata predict recommend '{\"customer\":\"C1\",\"basket\":[\"P10001\"]}' --json", note: "a whole request, for scripts" },
  ],
  run: async (context) => {
    const { positionals: { endpoint, fields }, options: { variant }, signal, usageError } = context;
    await using client = openApiClient(context);
    const { document } = await readRunningDefinition(client, signal);
    const request = parseRequest(fields, { schema: requestSchema(document, endpoint), usageError });
    return await client.post<Answer>(`/v1/endpoints/${encodeURIComponent(endpoint)}`, request, {
      signal, ...(variant === undefined ? {} : { headers: { "strata-variant": variant } }),
    });
  },
  render: renderAnswer,
});

export function renderAnswer(answer: Answer, { terminal }: Pick<CommandContext, "terminal">): void {
  const { decision, variant, model, version, outputs, items, fallbackReason } = answer;
  terminal.pairs([
    ...(outputs === undefined ? [] : [[outputs.length === 1 ? "output" : "outputs", outputs.map((output) => formatNumber(output, 6)).join(", ")] as const]),
    ["decision", decision],
    ["answered by", variant === "fallback" ? terminal.palette.yellow(`the fallback: ${fallbackReason ?? "no reason given"}`) : `${model} v${version} (${variant})`],
  ]);
  if (items === undefined) return;
  terminal.print();
  terminal.table<NonNullable<Answer["items"]>[number]>([
    { title: "item", value: ({ item }) => item },
    { title: "score", value: ({ score }) => formatNumber(score, 4), align: "right" },
  ], items, { empty: "no items" });
}
