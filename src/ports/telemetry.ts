/**
 * Metrics as a port handed in, never an import of the observe layer. Instruments are created once and kept;
 * recording is synchronous and allocation-free for a fixed label set.
 */
export type Labels = Readonly<Record<string, string>>;

export interface Counter { add(amount: number, labels?: Labels): void }
export interface Gauge { set(value: number, labels?: Labels): void }
/** Durations and sizes; quantiles within 1 %. */
export interface Histogram { record(value: number, labels?: Labels): void }

export interface Meter {
  counter(name: string, help: string): Counter;
  gauge(name: string, help: string): Gauge;
  histogram(name: string, help: string): Histogram;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Structured log lines; fields are plain JSON. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export const silentMeter: Meter = {
  counter: () => ({ add: () => undefined }),
  gauge: () => ({ set: () => undefined }),
  histogram: () => ({ record: () => undefined }),
};

export const silentLogger: Logger = { log: () => undefined };
