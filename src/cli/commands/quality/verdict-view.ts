/** Verdicts of rules as people read them: a line per rule, its sentence, and samples of what offends. */
import type { RuleVerdict } from "../../../platform/api.ts";
import type { CommandContext } from "../../command.ts";
import { formatCount } from "../../terminal/format.ts";

type Surface = Pick<CommandContext, "terminal">;

const MARKS = { passing: "✓", failing: "✗", waiting: "·", skipped: "–" } as const;

export function printVerdicts(verdicts: readonly RuleVerdict[], { terminal }: Surface, { samples }: { readonly samples: number }): void {
  const { palette } = terminal;
  const paint = { passing: palette.green, failing: palette.red, waiting: palette.dim, skipped: palette.dim } as const;
  for (const verdict of verdicts) {
    const { status, rule, action, sentence, because } = verdict;
    terminal.print(`${paint[status](MARKS[status])} ${palette.bold(rule)} ${palette.dim(`(${action})`)}  ${sentence}${status === "failing" && because !== "" ? ` ${because}` : ""}`);
    if (status === "failing") printSamples(verdict, { terminal }, samples);
  }
}

function printSamples({ samples, kind }: RuleVerdict, { terminal }: Surface, most: number): void {
  for (const { place, values, deadLetterId } of samples.slice(0, most)) {
    const where = deadLetterId === undefined ? (kind === "sql" && place < 0 ? "row" : `at ${place}`) : `dead letter ${deadLetterId}`;
    terminal.print(terminal.palette.dim(`    ${where}  ${JSON.stringify(values)}`));
  }
  if (samples.length > most && most > 0) terminal.print(terminal.palette.dim(`    ${formatCount(samples.length - most, "more sample")}: --samples ${samples.length}`));
}

/** Failing rules that are more than a warning. */
export function countFailures(verdicts: readonly RuleVerdict[]): number {
  return verdicts.filter(({ status }) => status === "failing").length;
}
