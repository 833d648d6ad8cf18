/** A hard budget under three real processes, one of which is killed: nothing is overspent, nothing is lost; declared for one engine. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { BudgetLedger } from "../../src/ports/budget-ledger.ts";
import { secretHash } from "../../src/gateway/language/keys/virtual-key.ts";
import { keyRecord } from "./ledger-records.ts";

const SPENDER = fileURLToPath(new URL("ledger-spender.ts", import.meta.url));
/** About a hundred calls of 100 × 100 + 90 × 1,000. */
const BUDGET = 10_000_000;

interface Spender {
  readonly child: ChildProcess;
  admitted: number;
  settled: number;
  settledCost: number;
  readonly ready: Promise<unknown>;
  readonly ended: Promise<unknown>;
}

function startSpender(file: string, callers: number, onEvent: () => void): Spender {
  const child = spawn(process.execPath, ["--conditions=source", SPENDER, file, "secret", String(callers)], { stdio: ["pipe", "pipe", "inherit"] });
  const ready = Promise.withResolvers<void>();
  const spender: Spender = { child, admitted: 0, settled: 0, settledCost: 0, ready: ready.promise, ended: once(child, "close") };
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (!line.endsWith("}")) return; // cut by the kill
    const { event, value } = JSON.parse(line) as { readonly event: string; readonly value: number };
    if (event === "ready") ready.resolve();
    if (event === "admitted") spender.admitted += 1;
    if (event === "settled") {
      spender.settled += 1;
      spender.settledCost += value;
    }
    onEvent();
  });
  return spender;
}

export interface SharedLedgerPlace extends AsyncDisposable {
  /** What a process needs to open the same ledger: a file, or postgres://… */
  readonly address: string;
  open(): Promise<BudgetLedger>;
}

export function budgetLedgerProcesses(engine: string, newPlace: () => Promise<SharedLedgerPlace>): void {
  void test(`${engine} budget ledger: 200 callers in each of 3 processes, one of them killed midway: overshoot 0, and the ledger knows every call`, { timeout: 60_000 }, async () => {
    await using place = await newPlace();
    await using ledger = await place.open();
    await spendTogether(ledger, place.address);
  });
}

async function spendTogether(ledger: BudgetLedger, address: string): Promise<void> {
  await ledger.putKey(keyRecord("a", { secretHash: secretHash("secret"), budgetNanoUsd: BUDGET }));
  const spenders: Spender[] = [];
  const killSoon = (): void => { if (spenders[2]!.settled >= 5) spenders[2]!.child.kill("SIGKILL"); };
  for (let i = 0; i < 3; i++) spenders.push(startSpender(address, 200, killSoon));
  await Promise.all(spenders.map(({ ready }) => ready));
  for (const { child } of spenders) child.stdin!.write("go\n");

  let worst = 0;
  let running = true;
  const ended = Promise.all(spenders.map((spender) => spender.ended)).then(() => { running = false; });
  while (running) {
    const { spentNanoUsd, reservedNanoUsd } = await ledger.balance("a", Date.now());
    worst = Math.max(worst, spentNanoUsd + reservedNanoUsd);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await ended;
  assert.ok(worst <= BUDGET, `${worst} of ${BUDGET}`);
  assert.equal(spenders[2]!.child.signalCode, "SIGKILL");

  const told = spenders.reduce((sum, { settledCost }) => sum + settledCost, 0);
  const before = await ledger.balance("a", Date.now());
  const abandoned = await ledger.expire(Date.now() + 120_000);
  const after = await ledger.balance("a", Date.now());
  assert.equal(after.reservedNanoUsd, 0);
  assert.equal(after.spentNanoUsd, before.spentNanoUsd + before.reservedNanoUsd);
  assert.ok(after.spentNanoUsd <= BUDGET);
  assert.ok(before.spentNanoUsd >= told, "what a process was told to be settled is booked, also when it is killed then");
  const usage = await ledger.usage({ groupBy: ["outcome"] });
  const calls = Object.fromEntries(usage.map(({ group, calls }) => [group["outcome"], calls]));
  assert.equal(usage.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0), after.spentNanoUsd);
  assert.equal(calls["expired"] ?? 0, abandoned);
  const settled = spenders.reduce((sum, one) => sum + one.settled, 0);
  assert.ok(calls["ok"]! >= settled && calls["ok"]! + abandoned >= spenders.reduce((sum, { admitted }) => sum + admitted, 0));
  assert.ok(BUDGET - after.spentNanoUsd < 11_000, `${BUDGET - after.spentNanoUsd} left: the budget was used, not just protected`);
}
