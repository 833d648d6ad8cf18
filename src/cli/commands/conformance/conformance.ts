/** `strata conformance`: does a server keep to a protocol? */
import { defineCommand } from "../../command.ts";
import { oip } from "./oip.ts";
import { serve } from "./serve.ts";

export const command = defineCommand({
  name: "conformance",
  summary: "Check that a server keeps to the Open Inference Protocol",
  description: "Runs a published suite of cases against any Open Inference server, Strata or not, and tells case by case what was expected, what was found and where it is written.",
  subcommands: [oip, serve],
  examples: [
    { command: "strata conformance oip http://127.0.0.1:8000", note: "a server and its gRPC port beside it" },
    { command: "strata conformance serve", note: "the reference models, for a look at the suite or for other clients" },
  ],
});
