/** The shell of `strata sql`: statements end with a semicolon, may span lines, and an error does not end it. */
import { createInterface } from "node:readline";
import { toStrataError } from "../../../kernel/errors.ts";
import type { Host } from "../../host.ts";
import type { Terminal } from "../../terminal/terminal.ts";
import { renderError } from "../../terminal/error-text.ts";
import type { AskSql } from "./sql-answer.ts";
import { noteSummary, showAnswer } from "./sql-table.ts";

export interface ShellLines extends Disposable {
  /** Lines as they are typed; ends with the input. */
  readonly lines: AsyncIterable<string>;
  prompt(text: string): void;
  /** Fires while a statement runs: it is given up and the shell goes on. */
  onInterrupt(listen: (() => void) | undefined): void;
}

const HELP = "End a statement with a semicolon. SHOW TABLES; lists the streams, DESCRIBE <stream>; its columns. \\q leaves.";

export async function runShell({ terminal, signal }: { readonly terminal: Terminal; readonly signal: AbortSignal }, ask: AskSql, shell: ShellLines): Promise<void> {
  using input = shell;
  terminal.note(HELP);
  let statement = "";
  input.prompt("strata> ");
  for await (const line of input.lines) {
    if (statement === "" && /^\s*(?:\\q|exit|quit)\s*;?\s*$/i.test(line)) return;
    statement += `${line}\n`;
    if (/;\s*$/.test(line)) {
      await answer(terminal, ask, { sql: statement, signal, shell: input });
      statement = "";
    } else if (statement.trim() === "") statement = "";
    if (signal.aborted) return;
    input.prompt(statement === "" ? "strata> " : "   ...> ");
  }
}

async function answer(terminal: Terminal, ask: AskSql, { sql, signal, shell }: { readonly sql: string; readonly signal: AbortSignal; readonly shell: ShellLines }): Promise<void> {
  const giving = new AbortController();
  shell.onInterrupt(() => giving.abort());
  try {
    const found = await ask({ sql, signal: AbortSignal.any([signal, giving.signal]) });
    const rows: (readonly unknown[])[] = [];
    for await (const row of found.rows) rows.push(row);
    showAnswer(terminal, found.columns, rows);
    noteSummary(terminal, found.summary());
  } catch (thrown) {
    terminal.note(renderError(toStrataError(thrown)));
  } finally {
    shell.onInterrupt(undefined);
  }
}

/** Lines with editing and history on a terminal, plain lines otherwise. */
export function terminalLines({ stdin, stdout }: Pick<Host, "stdin" | "stdout">): ShellLines {
  // On a terminal both are the process's own streams.
  const reader = createInterface({ input: stdin as unknown as NodeJS.ReadableStream, output: stdout as unknown as NodeJS.WritableStream, terminal: true });
  let interrupted: (() => void) | undefined;
  reader.on("SIGINT", () => (interrupted === undefined ? reader.close() : interrupted()));
  return {
    lines: reader, prompt: (text) => { reader.setPrompt(text); reader.prompt(); }, onInterrupt: (listen) => { interrupted = listen; },
    [Symbol.dispose]: () => reader.close(),
  };
}
