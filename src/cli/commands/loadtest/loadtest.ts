/** `strata loadtest`: load on a server, and what it makes of it. */
import { defineCommand } from "../../command.ts";
import { chatLoad } from "./chat-load.ts";
import { endpointLoad } from "./endpoint-load.ts";
import { httpLoad } from "./http-load.ts";
import { inferenceLoad } from "./inference-load.ts";

export const command = defineCommand({
  name: "loadtest",
  summary: "Put load on a server: latency, throughput, breaking point, replicas",
  description: [
    "An open loop (--rate) sends whether or not earlier requests are answered, and latency counts from the moment a request was to be sent: a server that stalls cannot hide it. A closed loop (--connections) sends when it has the answer.",
    "Every request ends as answered, failed or unfinished. The generator reports what it costs itself and whether it was late, so that a bad measurement shows itself.",
    "--search raises the rate until a bound breaks, finds the breaking point and confirms it, fits a capacity curve, and says how many replicas a wanted rate needs. Ctrl-C ends with what was measured so far.",
  ].join("\n"),
  examples: [
    { command: "strata loadtest http http://127.0.0.1:8080/ --rate 500", note: "any HTTP server" },
    { command: "strata loadtest oip http://127.0.0.1:4180 --model ranker --search --p99 50ms", note: "the most requests/s a model server answers within 50 ms" },
    { command: "strata loadtest chat http://127.0.0.1:4180 --model assistant --connections 32", note: "32 streams of a language model at once" },
    { command: "strata loadtest endpoint recommend --body-lines requests.ndjson --rate 200", note: "an endpoint of a running Strata" },
  ],
  subcommands: [httpLoad, inferenceLoad, chatLoad, endpointLoad],
});
