/** `strata quality`: expectations of streams, profiles of what is stored, contracts for producers. */
import { defineCommand } from "../../command.ts";
import { check, contract, verify } from "./check.ts";
import { profile } from "./profile.ts";
import { history, resume, show } from "./show.ts";

export const command = defineCommand({
  name: "quality",
  summary: "Judge data by expectations, profile them, verify contracts",
  description: "Expectations of the definition are judged as events come; these commands show how they stand, judge the lake or a file, profile what is stored, and give producers a contract that their own build can check.",
  examples: [
    { command: "strata quality show", note: "how each rule stands now" },
    { command: "strata quality check purchases", note: "judge everything in the lake" },
    { command: "strata quality profile purchases", note: "what the stream holds" },
  ],
  subcommands: [show, history, check, profile, resume, contract, verify],
});
