/** How a conformance suite declares its cases: an engine skips one only with a sentence that says why. */
import { test } from "node:test";

/** Title of a case → why this engine is not held to it. */
export type Skips = Readonly<Record<string, string>>;

export type DeclareCase = (title: string, run: () => Promise<void>) => void;

export function caseDeclarer(suite: string, skips: Skips): DeclareCase {
  return (title, run) => {
    void test(`${suite}: ${title}`, { skip: skips[title] ?? false }, run);
  };
}
