/**
 * Numbers and times as JSON text, quickly: what answers with hundreds of them spend most of their time on. The text is
 * the one that JSON.stringify and Date.toISOString give (number-text.test.ts compares them).
 */

/** ".05" and ".5" for 5 and 50 hundredths, "" for none. */
const HUNDREDTHS: readonly string[] = Array.from({ length: 100 }, (_, hundredths) => (hundredths === 0 ? "" : `.${String(hundredths).padStart(2, "0").replace(/0$/, "")}`));

/** A finite number. Whole numbers and amounts with two decimals take a third of the time that any double takes. */
export function numberText(value: number): string {
  const hundredths = Math.round(value * 100);
  // A decimal of at most 11 digits that reads back as the value is its shortest text, so it is the one that String gives.
  if (hundredths >= 0 && hundredths < 1e11 && hundredths / 100 === value) {
    const whole = Math.floor(hundredths / 100);
    return `${whole}${HUNDREDTHS[hundredths - whole * 100]}`;
  }
  return `${value}`;
}

const DAY_MS = 86_400_000;
const MAX_DAYS = 1_000;
const days = new Map<number, string>();
const TWO: readonly string[] = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, "0"));

/** ISO 8601 in UTC of a time that a Date can hold, without a fraction where there is none. */
export function timeText(timeMs: number): string {
  const whole = Math.trunc(timeMs);
  const day = Math.floor(whole / DAY_MS);
  const rest = whole - day * DAY_MS;
  const seconds = Math.floor(rest / 1_000);
  const milliseconds = rest - seconds * 1_000;
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const clock = `${dayText(day)}${TWO[hours]}:${TWO[minutes - hours * 60]}:${TWO[seconds - minutes * 60]}`;
  return milliseconds === 0 ? `${clock}Z` : `${clock}.${milliseconds < 100 ? "0" : ""}${TWO[milliseconds] ?? milliseconds}Z`;
}

/** "2026-01-31T"; events of one answer are of few days. */
function dayText(day: number): string {
  let text = days.get(day);
  if (text === undefined) {
    if (days.size >= MAX_DAYS) days.clear();
    text = new Date(day * DAY_MS).toISOString().slice(0, -13);
    days.set(day, text);
  }
  return text;
}
