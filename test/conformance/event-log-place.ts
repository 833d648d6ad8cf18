/** Where an engine keeps the data of one event log under test. */
import type { ManualClock } from "../../src/kernel/clock.ts";
import type { EventLog } from "../../src/ports/event-log.ts";

export interface EventLogPlace extends AsyncDisposable {
  /** Opens the log of this place; the previous one was closed. */
  open(clock: ManualClock): Promise<EventLog>;
}

/** A new empty place; its segments hold about `segmentBytes`, so that retention has something to drop. */
export type NewEventLogPlace = (options: { readonly segmentBytes: number }) => Promise<EventLogPlace>;
