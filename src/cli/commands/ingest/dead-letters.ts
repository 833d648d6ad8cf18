/** The subcommands of `strata ingest` for events that a stream refused: list, show, replay and discard. */
import { listProblems } from "../../../kernel/errors.ts";
import type { DeadLetter, DeadLetterPage, ReplayResult } from "../../../platform/api.ts";
import type { ApiClient } from "../../api-client.ts";
import { defineCommand } from "../../command.ts";
import type { CommandContext } from "../../command.ts";
import type { Option, OptionTable } from "../../option.ts";
import { parseJsonObject, parseRequest } from "../../request-argument.ts";
import { eventSchema, readRunningDefinition } from "../../running-definition.ts";
import { SERVER_OPTIONS, openApiClient } from "../../server-options.ts";
import { formatCount, formatTime } from "../../terminal/format.ts";

interface LetterList extends DeadLetterPage {
  /** Open letters of the stream by reason, most frequent first. */
  readonly counts: Readonly<Record<string, number>>;
}

const STREAM = { stream: { description: "Name of the stream" } } as const;

const CHOICE = {
  id: { type: "string", multiple: true, description: "This dead letter" },
  reason: { type: "string", description: "All open dead letters with this reason" },
  all: { type: "boolean", description: "All open dead letters of the stream" },
} as const satisfies OptionTable;

/** A request handles all letters of a reason, which may be many. */
const LONG_TIMEOUT = { type: "duration", default: "10m", description: "How long to wait for an answer" } as const satisfies Option;

const lettersPath = (stream: string): string => `/v1/streams/${encodeURIComponent(stream)}/dead-letters`;

export const listLetters = defineCommand({
  name: "dead-letters",
  summary: "List the events that a stream refused, by reason",
  description: "Each refused event is kept with what is wrong with it until it is replayed or discarded. Oldest first.",
  options: {
    ...SERVER_OPTIONS,
    reason: { type: "string", description: "Only those with this reason" },
    limit: { type: "number", integer: true, minimum: 1, maximum: 1000, default: 20, description: "Most to list" },
    cursor: { type: "string", placeholder: "id", description: "Go on after an earlier list" },
    resolved: { type: "boolean", description: "Replayed and discarded ones too" },
  },
  positionals: STREAM,
  examples: [
    { command: "strata ingest dead-letters purchases", note: "all that are open" },
    { command: "strata ingest dead-letters purchases --reason \"missing customer\" --limit 100", note: "those with one reason" },
  ],
  run: async (context) => {
    const { reason, limit, cursor, resolved } = context.options;
    await using client = openApiClient(context);
    return await client.get<LetterList>(lettersPath(context.positionals.stream), {
      query: { reason, limit, cursor, includeResolved: resolved ? true : undefined }, signal: context.signal,
    });
  },
  render: ({ letters, counts, nextCursor }, { terminal, positionals }) => {
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    terminal.print(total === 0 ? `${positionals.stream} has no open dead letters` : `${positionals.stream} has ${formatCount(total, "open dead letter")}`);
    if (total > 0) terminal.bars(Object.entries(counts).map(([label, value]) => ({ label, value })));
    if (letters.length === 0) return;
    terminal.print();
    terminal.table<DeadLetter>([
      { title: "id", value: (letter) => letter.id, align: "right" },
      { title: "received", value: (letter) => formatTime(letter.receivedAtMs) },
      { title: "reason", value: (letter) => (letter.state === "open" ? letter.reason : `${letter.reason} (${letter.state})`) },
      { title: "problems", value: (letter) => listProblems(letter.problems) },
      { title: "event", value: (letter) => letter.event },
    ], letters);
    if (nextCursor !== undefined) terminal.note(`more: add --cursor ${nextCursor}`);
  },
});

export const showLetter = defineCommand({
  name: "show",
  summary: "Show one dead letter with its whole event",
  description: "Shows the refused event as it came, every problem found in it, and how to send it again.",
  options: SERVER_OPTIONS,
  positionals: { ...STREAM, id: { description: "Id of the dead letter" } },
  examples: [{ command: "strata ingest show purchases 17", note: "the dead letter 17" }],
  run: async (context) => {
    await using client = openApiClient(context);
    const { stream, id } = context.positionals;
    return await client.get<DeadLetter>(`${lettersPath(stream)}/${encodeURIComponent(id)}`, { signal: context.signal });
  },
  render: (letter, { terminal }) => {
    terminal.pairs([
      ["id", letter.id], ["state", letter.state], ["received", formatTime(letter.receivedAtMs)], ["reason", letter.reason],
      ...letter.problems.map((problem) => [problem.path === "" ? "problem" : problem.path, problem.message] as const),
    ]);
    terminal.print();
    terminal.print(prettyEvent(letter.event));
    if (letter.state === "open") terminal.note(`next: \`strata ingest replay ${letter.stream} --id ${letter.id} --set field=value\` fixes and sends it`);
  },
});

export const replayLetters = defineCommand({
  name: "replay",
  summary: "Send dead letters again, fixed or as they are",
  description: "Sends the chosen dead letters through the stream's checks again. With --set, fields are set in each event first; with --replacement, a whole event takes the place of one. Those that are refused again stay open. An event is stored once however often its letter is replayed. Exit status 1 when one stays open.",
  options: {
    ...SERVER_OPTIONS, ...CHOICE, timeout: LONG_TIMEOUT,
    set: { type: "string", multiple: true, placeholder: "field=value", description: "Set this field in each event first" },
    replacement: { type: "string", placeholder: "json", description: "Send this event in place of the one chosen by --id" },
    backfill: { type: "boolean", description: "Send them as history, exempt from the lateness check (default: as they first came)" },
  },
  positionals: STREAM,
  examples: [
    { command: "strata ingest replay purchases --reason \"missing customer\" --set customer=unknown", note: "fix all with one reason" },
    { command: "strata ingest replay purchases --all", note: "try all again, for example after the schema was widened" },
  ],
  run: async (context): Promise<ReplayResult> => {
    const { positionals: { stream }, options, signal } = context;
    await using client = openApiClient(context);
    const fix = await readFix(client, context);
    const choices = await readChoices(client, context);
    const total = { replayed: 0, duplicates: 0, failed: [] as ReplayResult["failed"][number][] };
    for (const choice of choices) {
      const result = await client.post<ReplayResult>(`${lettersPath(stream)}/replay`, { ...choice, ...fix, ...(options.backfill ? { backfill: true } : {}) }, { signal });
      total.replayed += result.replayed;
      total.duplicates += result.duplicates;
      total.failed.push(...result.failed);
    }
    return total;
  },
  exitCode: ({ failed }) => (failed.length === 0 ? 0 : 1),
  render: ({ replayed, duplicates, failed }, { terminal }) => {
    terminal.pairs([["replayed", replayed], ["stored before", duplicates], ["still refused", failed.length]]);
    if (failed.length === 0) return;
    terminal.print();
    terminal.table<ReplayResult["failed"][number]>([
      { title: "id", value: ({ id }) => id, align: "right" },
      { title: "problems", value: ({ problems }) => listProblems(problems) },
    ], failed.slice(0, SHOWN));
    if (failed.length > SHOWN) terminal.note(`and ${formatCount(failed.length - SHOWN, "other")}; --json lists all`);
  },
});

export const discardLetters = defineCommand({
  name: "discard",
  summary: "Close dead letters for good",
  description: "The chosen dead letters count no longer and are not replayed by --all; they stay readable with their ids.",
  options: { ...SERVER_OPTIONS, ...CHOICE, timeout: LONG_TIMEOUT },
  positionals: STREAM,
  examples: [
    { command: "strata ingest discard purchases --id 17 --id 18", note: "two of them" },
    { command: "strata ingest discard purchases --reason \"cancelled order\"", note: "all with one reason" },
  ],
  run: async (context) => {
    await using client = openApiClient(context);
    let discarded = 0;
    for (const choice of await readChoices(client, context)) {
      discarded += (await client.post<{ readonly discarded: number }>(`${lettersPath(context.positionals.stream)}/discard`, choice, { signal: context.signal })).discarded;
    }
    return { discarded };
  },
  render: ({ discarded }, { terminal }) => terminal.print(`${formatCount(discarded, "dead letter")} discarded`),
});

const SHOWN = 20;

type ChoiceContext = CommandContext<typeof CHOICE & typeof SERVER_OPTIONS, typeof STREAM>;
type Choice = { readonly ids: readonly string[] } | { readonly reason: string };

/** What the options choose, as the server takes it: ids, or one reason each. */
async function readChoices(client: ApiClient, { options, positionals, signal, usageError }: ChoiceContext): Promise<readonly Choice[]> {
  const { id: ids, reason, all } = options;
  if ([ids.length > 0, reason !== undefined, all].filter(Boolean).length !== 1) throw usageError("Choose dead letters by --id, by --reason, or --all of them.");
  if (ids.length > 0) return [{ ids }];
  if (reason !== undefined) return [{ reason }];
  const { counts } = await client.get<LetterList>(lettersPath(positionals.stream), { query: { limit: 1 }, signal });
  return Object.keys(counts).map((name) => ({ reason: name }));
}

type FixContext = ChoiceContext & { readonly options: { readonly set: readonly string[]; readonly replacement: string | undefined } };
interface Fix {
  readonly set?: Readonly<Record<string, unknown>>;
  readonly replacement?: Readonly<Record<string, unknown>>;
}

/** Values of --set are read by the stream's schema: `zip=01234` stays text where the field is text. */
async function readFix(client: ApiClient, { options, positionals, signal, usageError }: FixContext): Promise<Fix> {
  const { set, replacement, id } = options;
  if (replacement !== undefined) {
    if (set.length > 0 || id.length !== 1) throw usageError("--replacement stands for one event: choose it with one --id, and leave --set out.");
    return { replacement: parseJsonObject(replacement, usageError) };
  }
  if (set.length === 0) return {};
  if (set.some((field) => !field.includes("="))) throw usageError(`--set needs field=value, not "${set.find((field) => !field.includes("="))}".`);
  const { document } = await readRunningDefinition(client, signal);
  return { set: parseRequest(set, { schema: eventSchema(document, positionals.stream), usageError }) };
}

/** Indented when it is JSON, else as it came. */
function prettyEvent(event: string): string {
  try {
    return JSON.stringify(JSON.parse(event), null, 2);
  } catch {
    return event;
  }
}
