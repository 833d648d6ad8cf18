/** The training bench of bench/training.ts as one of the suite: our trainer beside LightGBM and scikit-learn. */
import type { Bench } from "./bench.ts";

export const trainingBench: Bench = {
  name: "training",
  title: "Gradient boosting",
  configuration: [
    "200,000 rows × 28 columns like those of the Higgs data set, 100 trees of 63 leaves, one thread, binning included; AUC on 50,000 held-out rows. Trainers take turns: bench/training.ts.",
    "LightGBM and scikit-learn run in a Python environment of their own; without Python or a network the comparison is left out.",
  ],
  run: async ({ isQuick, runs, sheet, note, say }) => {
    const { benchTraining } = await import("./training.ts");
    say("training, in turns");
    const size = isQuick ? { rows: 20_000, trees: 20, leaves: 31 } : { rows: 200_000, trees: 100, leaves: 63 };
    const { trainers, skipped, scoringMicrosecondsPerRow } = await benchTraining({ ...size, threads: 1, runs, seed: 1 });
    const ours = trainers.find(({ trainer }) => trainer === "strata")!; // it always takes part
    for (const { trainer, wallSeconds, cpuSecondsOfRuns, auc } of trainers) {
      for (const [run, cpuSeconds] of cpuSecondsOfRuns.entries()) {
        sheet.add(trainer, "CPU", "s", cpuSeconds);
        sheet.add(trainer, "strata's CPU against it", "×", ours.cpuSecondsOfRuns[run]! / cpuSeconds);
      }
      sheet.add(trainer, "wall", "s", wallSeconds);
      sheet.add(trainer, "AUC", "", auc);
    }
    for (const [batch, perRow] of Object.entries(scoringMicrosecondsPerRow)) sheet.add(`scoring, ${batch.replace("batch", "batches of ")}`, "CPU", "µs/row", perRow);
    if (skipped !== undefined) note(`The comparison was left out: ${skipped}`);
  },
};
