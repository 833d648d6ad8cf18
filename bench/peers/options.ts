/** The flags that both comparisons share. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

export interface PeerOptions {
  /** Interleaved rounds: every contender once, then every contender again. */
  readonly rounds: number;
  /** Seconds of one step of the search for the highest rate. */
  readonly seconds: number;
  /** Parts of contenders' names; empty: all. */
  readonly only: readonly string[];
  /** Where peers are installed and kept between runs. */
  readonly cache: string;
  /** Strata packed and installed as its users have it, or run from the sources here. */
  readonly strata: "installed" | "source";
  /** Leave the results of earlier runs as they are. */
  readonly isDry: boolean;
  /** Write what was measured into bench/bounds.json. */
  readonly isRecording: boolean;
  readonly isHelp: boolean;
  /** Folder for CPU profiles of Strata under load. */
  readonly profile: string | undefined;
}

export const OPTIONS_TEXT = `
  --rounds <number>    interleaved rounds of every contender (3)
  --seconds <number>   seconds of one step of the search for the highest rate (8)
  --only <a,b>         contenders whose name contains one of these; strata is always the yardstick, name it too
  --strata <how>       "installed": packed and installed as its users have it; "source": the files here (installed)
  --cache <folder>     where peers are installed and kept (${join("<tmp>", "strata-bench-peers")})
  --profile <folder>   leave CPU profiles of Strata there; results are not kept
  --record             write what was measured beside the bounds in bench/bounds.json
  --dry                print the results and keep nothing
`;

export function readOptions(args: readonly string[]): PeerOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "3" }, seconds: { type: "string", default: "8" }, only: { type: "string", default: "" }, strata: { type: "string", default: "installed" },
      cache: { type: "string", default: join(tmpdir(), "strata-bench-peers") }, profile: { type: "string" }, dry: { type: "boolean", default: false }, record: { type: "boolean", default: false }, help: { type: "boolean", default: false },
    },
  });
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds takes a whole number from 1, not ${values.rounds}`);
  if (!(seconds >= 1)) throw new Error(`--seconds takes a number from 1, not ${values.seconds}`);
  if (values.strata !== "installed" && values.strata !== "source") throw new Error(`--strata takes installed or source, not ${values.strata}`);
  const only = values.only.split(",").map((name) => name.trim().toLowerCase()).filter((name) => name !== "");
  return { rounds, seconds, only, cache: values.cache, strata: values.strata, profile: values.profile, isDry: values.dry || values.profile !== undefined, isRecording: values.record, isHelp: values.help };
}
