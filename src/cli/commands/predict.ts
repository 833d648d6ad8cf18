/** `strata predict`: ask an endpoint. */
import type { Answer } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import { parseRequest } from "../request-argument.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatNumber } from "../terminal/format.ts";

export const command = defineCommand({
  name: "predict",
  summary: "Ask an endpoint for a prediction",
  description: "Sends one request to an endpoint and shows the answer with its decision id and the version that answered. Fields are name=value, or one JSON object.",
  options: {
    ...SERVER_OPTIONS,
    variant: { type: "enum", values: ["champion", "canary"], description: "Ask this variant instead of the stable split" },
  },
  positionals: { endpoint: { description: "Name of the endpoint" }, fields: { description: "Fields of the request: customer=C1, or one JSON object", multiple: true, optional: true } },
  examples: [
    { command: "strata predict recommend customer=C10001", note: "recommendations for one customer" },
    { command: "strata predict recommend '{\"customer\":\"C1\",\"basket\":[\"P10001\"]}' --json", note: "a whole request" },
  ],
  run: async (context) => {
    const { endpoint, fields } = context.positionals;
    await using client = openApiClient(context);
    return client.post<Answer>(`/v1/endpoints/${encodeURIComponent(endpoint)}`, parseRequest(fields ?? [], context.usageError), {
      signal: context.signal, ...(context.options.variant === undefined ? {} : { headers: { "strata-variant": context.options.variant } }),
    });
  },
  render: (answer, { terminal }) => {
    terminal.pairs([
      ["decision", answer.decision],
      ["answered by", answer.variant === "fallback" ? `fallback: ${answer.fallbackReason ?? ""}` : `${answer.model} v${answer.version} (${answer.variant})`],
      ...(answer.outputs ? [["outputs", answer.outputs.map((output) => formatNumber(output, 6)).join(", ")] as const] : []),
    ]);
    if (answer.items) terminal.table([{ header: "ITEM", value: (entry) => entry.item }, { header: "SCORE", align: "right", value: (entry) => formatNumber(entry.score, 4) }], answer.items);
  },
});
