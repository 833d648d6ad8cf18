/**
 * The in-process telemetry engine: the Meter port, with snapshots for the console and for Prometheus.
 * Bounded: at most `maximumInstruments` names and `maximumSeries` label sets each; see SeriesIndex for what
 * happens beyond. Nothing is written to disk, and a restart begins at zero, as Prometheus expects of counters.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import type { Counter, Gauge, Histogram, Meter } from "../../ports/telemetry.ts";
import { StoredCounter, StoredGauge, StoredHistogram } from "./instruments.ts";
import type { Instrument, InstrumentOptions } from "./instruments.ts";
import type { TelemetrySnapshot } from "./snapshot.ts";

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
/** Well below the one second that rates resolve. */
const TICK_MS = 100;

export interface TelemetryStoreOptions {
  readonly clock: Clock;
  /** Label sets per instrument; 1000 unless given. A histogram series takes a few kB, at worst about 400 kB. */
  readonly maximumSeries?: number;
  /** Names; 1000 unless given. */
  readonly maximumInstruments?: number;
}

export interface TelemetryStore extends Meter {
  /**
   * The state now. A histogram series costs about 0.1 ms, so whoever looks every second names the instruments it is after in
   * `only`. With `history`, also the last 60 seconds of each series.
   */
  snapshot(options?: { readonly history?: boolean; readonly only?: readonly string[] }): TelemetrySnapshot;
  /**
   * Reads the clock every 100 ms until the signal fires, so that recording need not (a clock read costs more
   * than the record itself). Without it every record reads the clock. Resolves when the signal fires.
   */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * A new, empty store. Asking again for the same name and kind gives the same instrument; METRIC_INVALID when the
 * name is not a Prometheus name, is taken by another kind, or when there are too many.
 */
export function createTelemetryStore(options: TelemetryStoreOptions): TelemetryStore {
  const { clock, maximumSeries = 1000, maximumInstruments = 1000 } = options;
  const startedMs = clock.now();
  const time = createTickingTime(clock);
  const instruments = new Map<string, Instrument>();
  const takenNames = new Map<string, string>();

  const instrument = <T extends Instrument>(kind: T["kind"], name: string, create: () => T): T => {
    const known = instruments.get(name);
    if (known?.kind === kind) return known as T; // the kind tells the class
    if (!METRIC_NAME.test(name)) throw new StrataError("METRIC_INVALID", { name, reason: "it must match [a-zA-Z_:][a-zA-Z0-9_:]*" });
    if (instruments.size >= maximumInstruments) throw new StrataError("METRIC_INVALID", { name, reason: `there are already ${maximumInstruments} metrics` });
    for (const exposed of exposedNames(kind, name)) {
      const owner = takenNames.get(exposed);
      if (owner !== undefined) throw new StrataError("METRIC_INVALID", { name, reason: `the name ${exposed} belongs to ${owner}` });
    }
    for (const exposed of exposedNames(kind, name)) takenNames.set(exposed, `the ${kind} ${name}`);
    const created = create();
    instruments.set(name, created);
    return created;
  };
  const optionsOf = (name: string, help: string): InstrumentOptions => ({ name, help, maximumSeries, time });

  return {
    counter: (name, help): Counter => instrument<StoredCounter>("counter", name, () => new StoredCounter(optionsOf(name, help))),
    gauge: (name, help): Gauge => instrument<StoredGauge>("gauge", name, () => new StoredGauge(optionsOf(name, help))),
    histogram: (name, help): Histogram => instrument<StoredHistogram>("histogram", name, () => new StoredHistogram(optionsOf(name, help))),
    snapshot: ({ history = false, only } = {}) => {
      const timeMs = clock.now();
      const moment = { second: Math.floor(timeMs / 1000), startedMs, history };
      const names = (only?.filter((name) => instruments.has(name)) ?? [...instruments.keys()]).toSorted();
      return { timeMs, startedMs, instruments: names.map((name) => instruments.get(name)!.snapshot(moment)) };
    },
    run: (signal) => time.run(signal),
  };
}

/** Names an instrument takes in the exposition format, where a histogram shows several. */
function exposedNames(kind: Instrument["kind"], name: string): readonly string[] {
  if (kind === "counter") return name.endsWith("_total") ? [name] : [name, `${name}_total`];
  return kind === "histogram" ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
}

function createTickingTime(clock: Clock) {
  const readSecond = (): number => Math.floor(clock.now() / 1000);
  let runners = 0;
  let tickedSecond = 0;
  return {
    second: (): number => (runners > 0 ? tickedSecond : readSecond()),
    run: async (signal: AbortSignal): Promise<void> => {
      runners++;
      try {
        while (!signal.aborted) {
          tickedSecond = readSecond();
          await clock.sleep(TICK_MS, signal);
        }
      } catch (thrown) {
        if (!isStrataError(thrown) || thrown.code !== "ABORTED") throw thrown;
      } finally {
        runners--;
      }
    },
  };
}
