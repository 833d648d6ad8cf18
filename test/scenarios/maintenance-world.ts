/** The machines of the maintenance application: seeded, on a clock that the test moves, with a plan that may turn. */
import assert from "node:assert/strict";
import type { ManualClock, Platform, Random } from "strata/testing";

export interface Regime {
  /** Mean temperature; the spread is 10. */
  readonly celsius: number;
  /** Whether a machine hotter than that is worn: always, never (the cooler ones are), or by a toss of a coin. */
  readonly worn: "hot" | "cool" | "chance";
}

export const SUMMER: Regime = { celsius: 50, worn: "hot" };
/** Elsewhere on the scale, and the other way round: what was learned in summer is wrong. */
export const WINTER: Regime = { celsius: 20, worn: "cool" };

export interface Visit {
  readonly machine: string;
  readonly worn: boolean;
}

export interface MaintenanceWorld {
  /** Readings and inspections of the past, up to the clock's time. */
  history(platform: Platform, rows: number): Promise<void>;
  /** Asks about `visits` machines and inspects them; the clock moves on by a second per visit. Returns how many guesses were right. */
  live(platform: Platform, visits: number, judge?: Judge): Promise<number>;
  regime: Regime;
}

/** The reward of an answer; 1 when the guess was right unless a test plans something else. */
export type Judge = (answer: Awaited<ReturnType<Platform["endpoints"]["answer"]>>, visit: Visit) => number;

const SECOND_MS = 1_000;
/** Asked at once: they share group commits. */
const TOGETHER = 50;

export const isRight: Judge = ({ outputs }, { worn }) => ((outputs![0]! > 0.5) === worn ? 1 : 0);

export function createMaintenanceWorld(random: Random, clock: ManualClock): MaintenanceWorld {
  let id = 0;
  const visit = (world: MaintenanceWorld): { readonly visit: Visit; readonly celsius: number } => {
    const { celsius: mean, worn } = world.regime;
    const celsius = mean + 10 * random.normal();
    const isWorn = worn === "chance" ? random.next() < 0.5 : (celsius > mean) === (worn === "hot");
    return { visit: { machine: `m${random.integer(100_000)}`, worn: random.next() < 0.05 ? !isWorn : isWorn }, celsius };
  };

  const world: MaintenanceWorld = {
    regime: SUMMER,
    history: async (platform, rows) => {
      const start = clock.now() - rows * SECOND_MS;
      const all = Array.from({ length: rows }, (_, at) => ({ ...visit(world), atMs: start + at * SECOND_MS }));
      const read = await platform.ingestion.ingestRows("readings", all.map(({ visit: { machine }, celsius, atMs }) => ({ row: { id: `h${id++}`, machine, celsius, at: atMs - 500 } })), { backfill: true });
      const inspected = await platform.ingestion.ingestRows("inspections", all.map(({ visit: { machine, worn }, atMs }) => ({ row: { id: `h${id++}`, machine, worn, at: atMs } })), { backfill: true });
      assert.deepEqual([read.accepted, inspected.accepted], [rows, rows]);
    },
    live: async (platform, visits, judge = isRight) => {
      let right = 0;
      for (let done = 0; done < visits; done += TOGETHER) {
        const batch = Array.from({ length: Math.min(TOGETHER, visits - done) }, () => visit(world));
        await platform.ingestion.ingestRows("readings", batch.map(({ visit: { machine }, celsius }) => ({ row: { id: `r${id++}`, machine, celsius, at: clock.now() } })));
        clock.advance(batch.length * SECOND_MS);
        const answers = await Promise.all(batch.map(({ visit: { machine } }) => platform.endpoints.answer("guess", { machine })));
        clock.advance(SECOND_MS);
        const rewarded = batch.map(({ visit: about }, at) => ({ ...about, at: clock.now(), decision: answers[at]!.decision, reward: judge(answers[at]!, about), id: `i${id++}` }));
        await platform.ingestion.ingestRows("inspections", rewarded.map((row) => ({ row })));
        batch.forEach(({ visit: about }, at) => { right += isRight(answers[at]!, about); });
      }
      return right;
    },
  };
  return world;
}
