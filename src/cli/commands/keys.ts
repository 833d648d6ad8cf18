/** `strata keys`: virtual keys of the language gateway. A secret is printed once, to stdout, and nowhere kept. */
import type { KeyDocument } from "../../platform/api.ts";
import { formatDuration } from "../../kernel/duration.ts";
import { defineCommand, type CommandContext } from "../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatNumber, formatTime } from "../terminal/format.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { CLEAR_OPTION, TERM_OPTIONS, termsBody } from "./keys-terms.ts";

interface KeyWithSecret { readonly key: KeyDocument; readonly secret: string }

const KEY = { key: { description: "Id of the key, or its name where only one has it" } } as const;
const pathOf = (key: string): string => `/v1/keys/${encodeURIComponent(key)}`;
const usd = (amount: number | null): string | undefined => (amount === null ? undefined : `$${formatNumber(amount, 6)}`);

const create = defineCommand({
  name: "create",
  summary: "Make a key and print its secret, this once",
  description: "The secret goes into `Authorization: Bearer` of whoever calls. The server keeps its SHA-256 only, so it cannot be shown again; `strata keys rotate` makes a new one.",
  options: { ...SERVER_OPTIONS, ...TERM_OPTIONS },
  positionals: { name: { description: "What you call it" } },
  examples: [
    { command: "strata keys create shop --budget 10 --period 1d", note: "ten dollars a day" },
    { command: "strata keys create trial --model fast --requests-per-minute 20 --expires-in 7d", note: "one model, slowly, for a week" },
  ],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.post<KeyWithSecret>("/v1/keys", { ...termsBody(context.options), name: context.positionals.name }, { signal: context.signal });
  },
  render: (made, context) => renderSecret(made, context),
});

const show = defineCommand({
  name: "show",
  summary: "Show a key's terms and balance",
  description: "What the key may do, what it spent in this period, and what calls in progress have reserved.",
  options: SERVER_OPTIONS,
  positionals: KEY,
  examples: [{ command: "strata keys show shop", note: "by name" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<KeyDocument>(pathOf(context.positionals.key), { signal: context.signal });
  },
  render: (key, { terminal }) => renderKey(key, terminal),
});

const update = defineCommand({
  name: "update",
  summary: "Change a key's terms",
  description: "Only what you give changes. Budgets count from the next call on; what was spent stays spent. Other servers on the same ledger notice within two seconds.",
  options: { ...SERVER_OPTIONS, ...TERM_OPTIONS, ...CLEAR_OPTION },
  positionals: KEY,
  examples: [
    { command: "strata keys update shop --budget 20", note: "raise the budget" },
    { command: "strata keys update shop --clear budget --clear period", note: "no budget any more" },
  ],
  run: async (context) => {
    const body = termsBody(context.options, context.options.clear);
    if (Object.keys(body).length === 0) throw context.usageError("nothing to change was given");
    await using client = openApiClient(context);
    return await client.post<KeyDocument>(pathOf(context.positionals.key), body, { signal: context.signal });
  },
  render: (key, { terminal }) => renderKey(key, terminal),
});

const revoke = defineCommand({
  name: "revoke",
  summary: "End a key for good",
  description: "Calls with it are refused at once here, and within two seconds by other servers on the same ledger. Its usage stays.",
  options: SERVER_OPTIONS,
  positionals: KEY,
  examples: [{ command: "strata keys revoke trial", note: "nobody can use it any more" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.delete<KeyDocument>(pathOf(context.positionals.key), { signal: context.signal });
  },
  render: ({ name, id }, { terminal }) => terminal.success(`${name} (${id}) is revoked`),
});

const rotate = defineCommand({
  name: "rotate",
  summary: "Give a key a new secret; the old one ends",
  description: "Terms, balance and usage stay. The new secret is printed this once.",
  options: SERVER_OPTIONS,
  positionals: KEY,
  examples: [{ command: "strata keys rotate shop", note: "after a leak" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.post<KeyWithSecret>(`${pathOf(context.positionals.key)}/rotate`, {}, { signal: context.signal });
  },
  render: (made, context) => renderSecret(made, context),
});

const LIST = {
  name: "list",
  summary: "List keys with their budgets and limits",
  description: "Every key, oldest first. Secrets are never shown.",
  options: SERVER_OPTIONS,
  run: async (context: CommandContext<typeof SERVER_OPTIONS>) => {
    await using client = openApiClient(context);
    return await client.get<{ readonly keys: readonly KeyDocument[] }>("/v1/keys", { signal: context.signal });
  },
  render: ({ keys }: { readonly keys: readonly KeyDocument[] }, { terminal }: Pick<CommandContext, "terminal">): void => {
    terminal.table<KeyDocument>([
      { title: "key", value: ({ name }) => name },
      { title: "id", value: ({ id }) => id },
      { title: "tenant", value: ({ tenant }) => tenant },
      { title: "state", value: ({ state }) => state },
      { title: "budget", value: budgetText },
      { title: "spent", value: ({ spentUsd }) => usd(spentUsd), align: "right" },
      { title: "left", value: ({ leftUsd }) => usd(leftUsd), align: "right" },
      { title: "limits", value: limitsText },
      { title: "models", value: ({ models }) => models.join(", ") || "all" },
    ], keys, { empty: "no key yet; `strata keys create <name>` makes one" });
  },
};

export const command = defineCommand({
  ...LIST,
  name: "keys",
  summary: "Make and manage virtual keys: budgets, limits, models",
  description: "Without a subcommand: every key with what it spent. A key's budget holds over all servers that share its ledger.",
  examples: [
    { command: "strata keys create shop --budget 10 --period 1d", note: "make one" },
    { command: "strata keys", note: "all keys" },
  ],
  subcommands: [defineCommand({ ...LIST, examples: [{ command: "strata keys list --json", note: "for scripts" }] }), create, show, update, revoke, rotate],
});

function renderSecret({ key, secret }: KeyWithSecret, { terminal }: Pick<CommandContext, "terminal">): void {
  terminal.print(secret);
  terminal.success(`this is the secret of ${key.name} (${key.id}); it is not shown again`);
}

function renderKey(key: KeyDocument, terminal: Terminal): void {
  terminal.pairs([
    ["key", `${key.name}  (${key.id})`], ["tenant", key.tenant], ["state", key.state], ["models", key.models.join(", ") || "all"],
    ["budget", budgetText(key)], ["spent", usd(key.spentUsd)], ["reserved", usd(key.reservedUsd)], ["left", usd(key.leftUsd)],
    ["period began", key.periodStartMs === null ? undefined : formatTime(key.periodStartMs)], ["limits", limitsText(key)],
    ["created", formatTime(key.createdAtMs)], ["expires", key.expiresAtMs === null ? "never" : formatTime(key.expiresAtMs)],
  ]);
  if (key.budgetUsd !== null && key.budgetUsd > 0) {
    terminal.print();
    terminal.bars([{ label: "used", value: (key.spentUsd + key.reservedUsd) / key.budgetUsd, text: `${formatNumber(((key.spentUsd + key.reservedUsd) / key.budgetUsd) * 100, 1)}%` }, { label: "budget", value: 1, text: usd(key.budgetUsd)! }]);
  }
}

function budgetText({ budgetUsd, periodMs }: KeyDocument): string {
  if (budgetUsd === null) return "unlimited";
  return periodMs === null ? usd(budgetUsd)! : `${usd(budgetUsd)} per ${formatDuration(periodMs)}`;
}

function limitsText({ requestsPerMinute, tokensPerMinute }: KeyDocument): string {
  const limits = [...(requestsPerMinute === null ? [] : [`${formatNumber(requestsPerMinute)} requests/min`]), ...(tokensPerMinute === null ? [] : [`${formatNumber(tokensPerMinute)} tokens/min`])];
  return limits.join(", ") || "none";
}
