/** What a comparison tells while it runs, and what it had to leave out, which its report repeats. */
export interface Progress {
  /** A line on stderr with the seconds since the start. */
  say(text: string): void;
  /** Leaves something out, and says why. */
  skip(what: string, thrown: unknown): void;
  /** Sentences about what was left out, each once. */
  skipped(): readonly string[];
}

const LONGEST = 500;

export function createProgress(): Progress {
  const startedAtMs = performance.now();
  const skipped = new Set<string>();
  const say = (text: string): void => { process.stderr.write(`${((performance.now() - startedAtMs) / 1000).toFixed(0).padStart(4)} s  ${text}\n`); };
  return {
    say,
    skip: (what, thrown) => {
      const text = `Skipped ${what}: ${(thrown instanceof Error ? thrown.message : String(thrown)).replaceAll(/\s+/g, " ").slice(0, LONGEST)}`;
      say(text);
      skipped.add(text);
    },
    skipped: () => [...skipped],
  };
}
