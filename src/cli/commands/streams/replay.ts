/** `strata streams replay`: a stream is read again, into a derived stream (to compare) or into a view (to build it anew). */
import type { Operation, ReplayReport } from "../../../platform/api.ts";
import { defineCommand } from "../../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../../server-options.ts";
import { formatCount } from "../../terminal/format.ts";
import { followOperation } from "./operations.ts";

export const replay = defineCommand({
  name: "replay",
  summary: "Read a stream again: compare a derived stream, or build a view anew",
  description: [
    "--derived makes a derived stream again from the oldest events of its sources and compares every event with the stored one, byte by byte; exit status 1 at the first difference. Nothing is written.",
    "--to-view builds a view from the log in the background, while its old state answers, and then swaps it in.",
    "Both are operations: they show their progress, are there after a restart and go on after a crash. --detach only starts one.",
  ].join("\n"),
  options: {
    ...SERVER_OPTIONS,
    derived: { type: "string", placeholder: "stream", description: "The derived stream to make again" },
    toView: { type: "string", placeholder: "view", description: "The view to build anew" },
    from: { type: "string", placeholder: "time", description: "Compare derived events from this time on (ISO 8601)" },
    to: { type: "string", placeholder: "time", description: "And before this one" },
    detach: { type: "boolean", description: "Start it and do not wait" },
  },
  positionals: { stream: { description: "Name of the stream to read" } },
  examples: [
    { command: "strata streams replay purchases --derived big_purchases", note: "is it still what its sources make it?" },
    { command: "strata streams replay purchases --to-view customer_activity", note: "build a view anew" },
  ],
  run: async (context) => {
    const { options: { derived, toView, from, to, detach }, positionals: { stream }, terminal, signal, usageError } = context;
    if ((derived === undefined) === (toView === undefined)) throw usageError("Say what to replay into: --derived <stream> or --to-view <view>.");
    await using client = openApiClient(context);
    const body = { ...(derived === undefined ? { view: toView } : { derived }), ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    const started = await client.post<Operation>(`/v1/streams/${encodeURIComponent(stream)}/replay`, body, { signal });
    return detach ? started : await followOperation(client, started, { terminal, signal, label: derived === undefined ? `building ${toView}` : `making ${derived} again` });
  },
  exitCode: ({ kind, result }) => (kind === "replay" && (result as ReplayReport | undefined)?.difference !== undefined ? 1 : 0),
  render: ({ id, kind, subject, state, result, done }, { terminal }) => {
    if (state !== "done") return terminal.print(`started operation ${id}; see strata streams operations`);
    if (kind === "rebuild") return terminal.print(`${subject} is built from ${formatCount(done, "event")} and in service`);
    const { same, skipped, sourceEvents, difference } = result as ReplayReport; // of the server of this package
    terminal.print(`${formatCount(sourceEvents, "source event")} read; ${formatCount(same, "event")} of ${subject} made again with the same bytes${skipped === 0 ? "" : `, ${skipped} not compared`}`);
    if (difference === undefined) return;
    terminal.print(`the first difference is at offset ${difference.offset}:`);
    terminal.pairs([["stored", difference.stored ?? "nothing"], ["made", difference.made ?? "nothing"]]);
  },
});
