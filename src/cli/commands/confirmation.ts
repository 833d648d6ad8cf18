/** Asking a person yes or no at the terminal, before something is changed. */
import { StrataError } from "../../kernel/errors.ts";
import type { Host } from "../host.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Whether there is a person to ask: a pipe or a file would answer by accident. */
export function canAsk(stdin: Host["stdin"]): boolean {
  return "isTTY" in stdin && stdin.isTTY === true;
}

/** True for "y" or "yes". Interrupted: ABORTED. */
export async function confirm(question: string, { stdin, signal, terminal }: Pick<Host, "stdin" | "signal"> & { readonly terminal: Terminal }): Promise<boolean> {
  terminal.note(`${question} [y/N]`);
  const answer = await Promise.race([firstLine(stdin), aborted(signal)]);
  return /^y(?:es)?$/i.test(answer.trim());
}

async function firstLine(stdin: Host["stdin"]): Promise<string> {
  let text = "";
  for await (const chunk of stdin) {
    text += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    if (text.includes("\n")) break;
  }
  return text.split("\n", 1)[0]!;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const refuse = (): void => reject(new StrataError("ABORTED", { what: "The question" }));
    if (signal.aborted) refuse();
    else signal.addEventListener("abort", refuse, { once: true });
  });
}
