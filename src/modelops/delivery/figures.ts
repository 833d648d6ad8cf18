/** Numbers in sentences: enough digits to see why a decision fell the way it did, no more. */

/** 0.0312 → "3.12 %". */
export function percent(share: number): string {
  return `${figure(share * 100)} %`;
}

/** Three significant digits; whole numbers in full. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "an unknown number" : String(value);
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}

/** "1 outcome", "2 outcomes". */
export function counted(count: number, noun: string): string {
  return `${figure(count)} ${noun}${count === 1 ? "" : "s"}`;
}
