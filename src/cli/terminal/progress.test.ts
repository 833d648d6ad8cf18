import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../../kernel/clock.ts";
import { plainPalette } from "./color.ts";
import { formatBytes } from "./format.ts";
import { createProgress, renderProgress, type ProgressSurface } from "./progress.ts";

test("a known total gives bar, share, rate and time left", () => {
  assert.equal(
    renderProgress({ label: "replaying", done: 1_200, total: 2_000, elapsedMs: 3_000 }),
    "replaying  ██████████████▍░░░░░░░░░   60%  1,200/2,000  400/s  2.0s left",
  );
  assert.equal(renderProgress({ label: "replaying", done: 0, total: 10, elapsedMs: 0 }), `replaying  ${"░".repeat(24)}    0%  0/10  0/s`);
  assert.equal(renderProgress({ label: "done", done: 0, total: 0, elapsedMs: 5 }), `done  ${"█".repeat(24)}  100%  0/0  0/s`);
});

test("an open end has no bar", () => {
  assert.equal(renderProgress({ label: "reading", done: 3_000_000, elapsedMs: 2_000, format: formatBytes }), "reading  2.86 MiB  1.43 MiB/s  2.0s");
});

test("a line leaves the last column free, where some terminals wrap", () => {
  assert.equal(renderProgress({ label: "a-long-label", done: 1, elapsedMs: 1_000 }, { width: 10 }), "a-long-l…");
});

function record(interactive: boolean) {
  const clock = createManualClock();
  const events: string[] = [];
  const surface: ProgressSurface = {
    interactive, clock, palette: plainPalette, width: 60,
    draw: (line) => events.push(`draw ${line}`), clear: () => events.push("clear"), print: (line) => events.push(`print ${line}`),
  };
  return { clock, events, surface };
}

test("redraws on a terminal are throttled, and the end is a permanent line", () => {
  const { clock, events, surface } = record(true);
  const progress = createProgress({ label: "x", total: 100 }, surface);
  for (let step = 0; step < 100; step++) {
    progress.advance();
    clock.advance(10);
  }
  assert.equal(events.length, 13, "one per 80 ms of a second");
  progress.finish("✓ done");
  progress.finish("again");
  progress.advance();
  assert.deepEqual(events.slice(13), ["clear", "print ✓ done"]);
});

test("piped, a plain line appears every five seconds and at the end", () => {
  const { clock, events, surface } = record(false);
  const progress = createProgress({ label: "x" }, surface);
  for (let second = 1; second <= 12; second++) {
    clock.advance(1_000);
    progress.update(second);
  }
  progress.finish();
  assert.deepEqual(events, ["print x  1  1/s  1.0s", "print x  6  1/s  6.0s", "print x  11  1/s  11.0s", "print x  12  1/s  12.0s"]);
});

test("leaving the scope after a failure only removes the live line", () => {
  const { events, surface } = record(true);
  {
    using progress = createProgress({ label: "x" }, surface);
    progress.update(1);
  }
  assert.deepEqual(events, ["draw x  1  0/s  0ms", "clear"]);
});
