/** What the overview tells of inferences and of language models, with the two minutes of history that it samples once a second of real time. */
import type { Application } from "../define/index.ts";
import type { LanguageGateway } from "../gateway/index.ts";
import { systemClock } from "../kernel/clock.ts";
import type { TelemetryStore } from "../observe/index.ts";
import type { BudgetLedger } from "../ports/budget-ledger.ts";
import type { GatewayOverview, ServingOverview } from "../protocols/admin/overview.ts";
import { createGatewayOverview, languageTotals } from "./gateway-overview.ts";
import { servingOverview, servingTotals } from "./serving-overview.ts";
import type { ServingOverviewSources } from "./serving-overview.ts";
import { createTotalsHistory } from "./totals-history.ts";

export interface CallsOverview extends Disposable {
  readonly serving: () => ServingOverview | undefined;
  readonly gateway: () => Promise<GatewayOverview | undefined>;
}

export interface CallsOverviewSources extends Omit<ServingOverviewSources, "history"> {
  readonly application: () => Application;
  readonly gateway: LanguageGateway;
  readonly ledger: BudgetLedger | undefined;
  readonly telemetry: TelemetryStore;
}

export function openCallsOverview(sources: CallsOverviewSources): CallsOverview {
  const { application, server, telemetry } = sources;
  const inferences = createTotalsHistory();
  const calls = createTotalsHistory();
  const sample = (): void => {
    const nowMs = systemClock.now();
    inferences.sample(nowMs, servingTotals(server));
    if (application().languageModels.size > 0) calls.sample(nowMs, languageTotals(telemetry));
  };
  sample();
  const timer = setInterval(sample, 1_000);
  timer.unref();
  return {
    serving: () => servingOverview({ ...sources, history: inferences }),
    gateway: createGatewayOverview({ ...sources, clock: systemClock, history: calls }),
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
