/** `strata loadtest`: load on a server, and what it makes of it. */
import { defineCommand } from "../../command.ts";
import { httpLoad } from "./http-load.ts";

export const command = defineCommand({
  name: "loadtest",
  summary: "Put load on a server: latency, throughput, breaking point, replicas",
  description: [
    "An open loop (--rate) sends whether or not earlier requests are answered, and latency counts from the moment a request was to be sent: a server that stalls cannot hide it. A closed loop (--connections) sends when it has the answer.",
    "Every request ends as answered, failed or unfinished. The generator reports what it costs itself and whether it was late, so that a bad measurement shows itself.",
  ].join("\n"),
  examples: [
    { command: "strata loadtest http http://127.0.0.1:8080/ --rate 500", note: "any HTTP server" },
  ],
  subcommands: [httpLoad],
});
