/**
 * An error for a person at a terminal: code, sentence, each problem with its place, what to do next.
 * `verbose` adds the stack and the chain of causes.
 */
import { listProblems, reasonOf, type StrataError } from "../../kernel/errors.ts";
import { plainPalette, type Palette } from "./color.ts";
import { toSingleLine, withoutControls } from "./width.ts";

export interface ErrorTextOptions {
  readonly palette?: Palette;
  readonly verbose?: boolean;
}

export function renderError(error: StrataError, options: ErrorTextOptions = {}): string {
  const palette = options.palette ?? plainPalette;
  const problems = error.problems.map((problem) => {
    const place = problem.path === "" ? "" : `${palette.bold(toSingleLine(problem.path))}: `;
    return `  - ${place}${toSingleLine(problem.message)}`;
  });
  return [
    `${palette.red(palette.bold("error"))} ${palette.dim(error.code)} ${sentenceOf(error)}`,
    ...problems,
    ...(error.hint === "" ? [] : [`${palette.cyan("next:")} ${withoutControls(error.hint)}`]),
    ...(options.verbose === true ? [palette.dim(traceOf(error))] : []),
  ].join("\n");
}

/** Messages that repeat their problems in one line leave them to the list. */
function sentenceOf(error: StrataError): string {
  const inline = listProblems(error.problems);
  const message = inline === "" ? error.message : error.message.replace(inline, "");
  return withoutControls(message.trimEnd());
}

/** The stack of the error and of each of its causes; a chain that bites its tail ends there. */
export function traceOf(error: Error): string {
  const seen = new Set<unknown>();
  const lines: string[] = [];
  for (let current: unknown = error; current !== undefined && !seen.has(current); current = causeOf(current)) {
    seen.add(current);
    const trace = current instanceof Error ? (current.stack ?? current.message) : reasonOf(current);
    lines.push(lines.length === 0 ? trace : `caused by ${trace}`);
  }
  return withoutControls(lines.join("\n"));
}

function causeOf(thrown: unknown): unknown {
  return thrown instanceof Error ? thrown.cause : undefined;
}
