/** What a bench is, and what the runner gives it. */
import type { LoadGenerator } from "strata/testing";
import type { Sheet } from "./report/result.ts";
import type { Packages } from "./packages.ts";
import type { PreparedData } from "./servers/prepared-data.ts";

export interface Bench {
  readonly name: string;
  readonly title: string;
  /** What is measured and how, for the report. */
  readonly configuration: readonly string[];
  run(context: BenchContext): Promise<void>;
}

export interface BenchContext {
  /** Fewer and shorter runs: to see that everything works, not to quote. */
  readonly isQuick: boolean;
  /** Interleaved runs of every case. */
  readonly runs: number;
  /** The seconds of one load run: those given, or an eighth of them when quick. */
  seconds(full: number): number;
  readonly sheet: Sheet;
  note(text: string): void;
  /** Progress, for the person who waits. */
  say(text: string): void;
  /** An empty folder of this bench, removed at the end. */
  readonly folder: string;
  readonly generator: LoadGenerator;
  /** Data folders that several benches use, made once. */
  readonly prepared: PreparedData;
  readonly packages: Packages;
  /** The file for a case's CPU profile; undefined unless profiles are wanted. */
  profile(caseName: string): string | undefined;
}

/** Runs every case once, then again, so that a noisy minute hits all of them and not one. */
export async function interleave<Case>(runs: number, cases: readonly Case[], measure: (entry: Case, run: number) => Promise<void>): Promise<void> {
  for (let run = 0; run < runs; run++) {
    for (const entry of cases) await measure(entry, run);
  }
}
