/**
 * What people do with dead letters: look at them, mend and send them again, or give them up. A replay stores the
 * events first and then records that the letters are resolved; a crash in between is harmless, because a replayed
 * event carries its own id or one derived from its letter, and is then only recognised as a duplicate.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { Problem } from "../../kernel/errors.ts";
import type { DeadLetter } from "./dead-letter.ts";
import { createDraft } from "./draft.ts";
import { letterId } from "./event-id.ts";
import { parseEvent, tooLarge } from "./event-text.ts";
import type { Intakes } from "./intakes.ts";
import type { StreamIntake } from "./stream-intake.ts";

export interface DeadLetterQuery {
  readonly reason?: string;
  /** 1 to 1000. Default 100. */
  readonly limit?: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
  /** Replayed and discarded letters too. Default false. */
  readonly includeResolved?: boolean;
}

export interface DeadLetterPage {
  readonly letters: readonly DeadLetter[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

/** Exactly these letters, or all open ones of a reason. */
export type LetterChoice = { readonly ids: readonly string[] } | { readonly reason: string };

export type ReplayOptions = LetterChoice & {
  /** Mends an event; it gets the parsed original. What it returns is stored as JSON. */
  readonly fix?: (event: unknown) => unknown;
  /** Takes the place of the event; only with one id. */
  readonly replacement?: unknown;
  /** Exempts the events from the lateness check and dates their knowledge by event time. Default: as they first came. */
  readonly backfill?: boolean;
};

export interface ReplayResult {
  readonly replayed: number;
  /** Events that were stored before, by their producer or an interrupted replay; their letters are resolved too. */
  readonly duplicates: number;
  /** Letters that stay open, with what is still wrong. */
  readonly failed: readonly { readonly id: string; readonly problems: readonly Problem[] }[];
}

export interface DeadLetterDesk {
  listDeadLetters(stream: string, query?: DeadLetterQuery): Promise<DeadLetterPage>;
  deadLetter(stream: string, id: string): Promise<DeadLetter>;
  deadLetterCounts(stream: string): Promise<Readonly<Record<string, number>>>;
  replayDeadLetters(stream: string, options: ReplayOptions): Promise<ReplayResult>;
  discardDeadLetters(stream: string, choice: LetterChoice): Promise<{ readonly discarded: number }>;
}

/** Letters handled together: bounds memory and the length of one resolution entry. */
const CHUNK = 500;
const CHUNK_BYTES = 8 * 1024 * 1024;
const MAX_PAGE = 1_000;

export function createDeadLetterDesk({ intakes, clock }: { readonly intakes: Intakes; readonly clock: Clock }): DeadLetterDesk {
  return {
    listDeadLetters: (stream, query = {}) => intakes.use(stream, ({ deadLetters }) => list(deadLetters, query)),
    deadLetter: (stream, id) => intakes.use(stream, async ({ deadLetters }) => {
      for await (const letter of deadLetters.read([await deadLetters.find(id)])) return letter;
      throw new StrataError("DEAD_LETTER_NOT_FOUND", { id, stream });
    }),
    deadLetterCounts: (stream) => intakes.use(stream, async ({ deadLetters }) => (await deadLetters.index()).counts()),
    replayDeadLetters: (stream, options) => intakes.use(stream, async (intake, metrics) => {
      refuseBadReplay(options);
      const total = { replayed: 0, duplicates: 0, failed: [] as ReplayResult["failed"][number][] };
      for await (const offsets of chosen(intake, options)) {
        const chunk = await replayChunk(intake, offsets, { ...options, nowMs: clock.now() });
        total.replayed += chunk.replayed;
        total.duplicates += chunk.duplicates;
        total.failed.push(...chunk.failed);
        metrics.openDeadLetters(intake.deadLetters.openCount());
      }
      return total;
    }),
    discardDeadLetters: (stream, choice) => intakes.use(stream, async (intake, metrics) => {
      let discarded = 0;
      for await (const offsets of chosen(intake, choice)) discarded += await intake.deadLetters.resolve(offsets, "discarded");
      metrics.openDeadLetters(intake.deadLetters.openCount());
      return { discarded };
    }),
  };
}

async function list(deadLetters: StreamIntake["deadLetters"], query: DeadLetterQuery): Promise<DeadLetterPage> {
  const { limit = 100, cursor = "0", reason, includeResolved } = query;
  const from = /^\d{1,15}$/.test(cursor) ? Number(cursor) : Number.NaN;
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE)) throw new StrataError("REQUEST_INVALID", { reason: `limit must be a whole number from 1 to ${MAX_PAGE}.` });
  if (Number.isNaN(from)) throw new StrataError("REQUEST_INVALID", { reason: `"${cursor.slice(0, 50)}" is no cursor; give nextCursor of the page before.` });
  const offsets = await deadLetters.select({ reason, includeResolved, from, limit: limit + 1 });
  const letters: DeadLetter[] = [];
  let sizeBytes = 0;
  for await (const letter of deadLetters.read(offsets.slice(0, limit))) {
    if (sizeBytes > CHUNK_BYTES) return { letters, nextCursor: letter.id }; // a page of large letters is short
    if (letter.state === "open" || reason === undefined || letter.reason === reason) letters.push(letter); // the index does not know the reasons of resolved ones
    sizeBytes += letter.event.length;
  }
  return { letters, ...(offsets.length > limit ? { nextCursor: String(offsets[limit]) } : {}) };
}

/** The open letters of a choice, in chunks. Unknown ids are refused before anything is done. */
async function* chosen({ deadLetters }: StreamIntake, choice: LetterChoice): AsyncGenerator<readonly number[]> {
  if ("ids" in choice) {
    const index = await deadLetters.index();
    const offsets = new Set<number>();
    for (const id of choice.ids) offsets.add(await deadLetters.find(id));
    const open = [...offsets].filter((offset) => index.stateOf(offset) === "open").toSorted((a, b) => a - b);
    for (let at = 0; at < open.length; at += CHUNK) yield open.slice(at, at + CHUNK);
    return;
  }
  for (let from = 0; ;) {
    const offsets = await deadLetters.select({ reason: choice.reason, from, limit: CHUNK });
    if (offsets.length === 0) return;
    yield offsets;
    from = offsets.at(-1)! + 1; // letters that fail again stay open and are not tried twice
  }
}

function refuseBadReplay(options: ReplayOptions): void {
  if (options.replacement !== undefined && !("ids" in options && options.ids.length === 1)) {
    throw new StrataError("REQUEST_INVALID", { reason: "A replacement stands for one event: name exactly one id." });
  }
}

type ChunkOptions = Pick<ReplayOptions, "fix" | "replacement" | "backfill"> & { readonly nowMs: number };

async function replayChunk(intake: StreamIntake, offsets: readonly number[], options: ChunkOptions): Promise<ReplayResult> {
  const total = { replayed: 0, duplicates: 0, failed: [] as ReplayResult["failed"][number][] };
  let attempts = createAttempts(intake, options);
  const send = async (): Promise<void> => {
    for (const { draft, letters } of [attempts.live, attempts.imported]) {
      if (letters.length === 0) continue;
      const { accepted, duplicates } = await intake.apply(draft);
      await intake.deadLetters.resolve(letters, "replayed");
      total.replayed += accepted;
      total.duplicates += duplicates;
    }
    total.failed.push(...attempts.failed);
    attempts = createAttempts(intake, options);
  };
  for await (const letter of intake.deadLetters.read(offsets)) {
    attempts.add(letter);
    if (attempts.sizeBytes() > CHUNK_BYTES) await send();
  }
  await send();
  return total;
}

/** Drafts of live events and of imported ones apart, because a draft is either. Letters that are refused again are set aside. */
function createAttempts(intake: StreamIntake, options: ChunkOptions) {
  const draftOf = (backfill: boolean) => ({
    draft: createDraft({ check: intake.check, latenessMs: intake.stream.latenessMs, nowMs: options.nowMs, backfill }), letters: [] as number[],
  });
  const live = draftOf(false), imported = draftOf(true);
  const failed: { id: string; problems: readonly Problem[] }[] = [];
  let sizeBytes = 0;

  const add = (letter: DeadLetter): void => {
    const mended = mend(letter, options);
    if ("problems" in mended) return void failed.push({ id: letter.id, problems: mended.problems });
    const { value, payload } = mended;
    if (payload.length > intake.maxRecordBytes) return void failed.push({ id: letter.id, problems: [tooLarge(payload, intake)] });
    const { draft, letters } = options.backfill ?? letter.backfill ? imported : live;
    draft.take(value, payload, { id: letter.eventId ?? letterId(letter.id), timeMs: letter.timeMs ?? letter.receivedAtMs, arrivedAtMs: letter.receivedAtMs });
    sizeBytes += payload.length;
    const refused = draft.refused.pop();
    if (refused === undefined) letters.push(Number(letter.id));
    else failed.push({ id: letter.id, problems: refused.problems });
  };
  return { live, imported, failed, add, sizeBytes: () => sizeBytes };
}

type Mended = { readonly value: unknown; readonly payload: Uint8Array } | { readonly problems: readonly Problem[] };

/** The event to send: the replacement, the mended original, or the original in its own bytes. */
function mend(letter: DeadLetter, { fix, replacement }: ChunkOptions): Mended {
  if (replacement !== undefined) return asJson(replacement);
  if (letter.truncatedFromBytes !== undefined) return { problems: [{ path: "", message: `only the beginning of its ${letter.truncatedFromBytes} bytes was kept; give a replacement`, code: "too large" }] };
  if (letter.reason === "not UTF-8") return letter; // what stands for the broken bytes is not what was sent
  const parsed = parseEvent(letter.event);
  if ("problem" in parsed) return { problems: [parsed.problem] };
  if (fix === undefined) return { value: parsed.value, payload: Buffer.from(letter.event) };
  try {
    return asJson(fix(parsed.value));
  } catch (thrown) {
    return { problems: [{ path: "", message: `the fix failed: ${reasonOf(thrown)}`, code: "fix failed" }] };
  }
}

/** Through JSON and back, so that what is checked is what is stored. */
function asJson(event: unknown): Mended {
  const text = JSON.stringify(event) ?? "null";
  return { value: JSON.parse(text) as unknown, payload: Buffer.from(text) };
}
