/** What a load test needs of its command. */
import type { CommandContext } from "../../command.ts";
import type { LoadOptionValues } from "./load-options.ts";
import type { SearchOptionValues } from "./search-options.ts";

export interface LoadTestContext extends Pick<CommandContext, "terminal" | "signal" | "workingDirectory" | "usageError" | "json"> {
  readonly options: LoadOptionValues & SearchOptionValues;
}
