/**
 * Made-up deliveries for a new project: couriers differ in pace, restaurants in kitchen time and reach, and the hour
 * matters, so there is something to learn; the rest is noise. Pure: the same seed and time give the same events.
 */
import { createRandom, type Random } from "../../kernel/random.ts";

export interface Delivery {
  readonly id: string;
  readonly courier: string;
  readonly restaurant: string;
  readonly distance_km: number;
  readonly items: number;
  readonly minutes: number;
  /** ISO 8601 in UTC. */
  readonly at: string;
}

export interface DeliveryOptions {
  readonly count: number;
  /** The last order lies before this, ms since the epoch. */
  readonly untilMs: number;
  readonly seed?: number;
}

const DAY_MS = 86_400_000;
const DAYS = 28;
const COURIERS = 12;
const RESTAURANTS = 24;

/** Orders per hour of the day (UTC), relative: lunch and dinner. */
const DEMAND = [1, 0.5, 0.2, 0.1, 0.1, 0.2, 0.5, 1, 2, 2, 3, 7, 9, 7, 4, 3, 4, 7, 10, 10, 8, 5, 3, 2] as const;
const PEAK = Math.max(...DEMAND);

export function createDeliveries({ count, untilMs, seed = 1 }: DeliveryOptions): readonly Delivery[] {
  const random = createRandom(seed);
  const couriers = Array.from({ length: COURIERS }, (_, at) => ({ name: nameOf("c", at), minutesPerKm: 2.2 + 2.8 * random.next() }));
  const restaurants = Array.from({ length: RESTAURANTS }, (_, at) => ({ name: nameOf("r", at), kitchenMinutes: 6 + 16 * random.next(), meanKm: 1.2 + 3 * random.next() }));
  const times = Array.from({ length: count }, () => orderTime(random, untilMs)).toSorted((a, b) => a - b);
  return times.map((timeMs, index) => {
    const { name: courier, minutesPerKm } = random.pick(couriers);
    const { name: restaurant, kitchenMinutes, meanKm } = random.pick(restaurants);
    const distanceKm = Math.max(0.3, meanKm * (0.6 + 0.8 * random.next()));
    const items = 1 + Math.min(9, Math.floor(random.exponential(1.6)));
    const rush = 1 + 0.6 * (DEMAND[hourOf(timeMs)]! / PEAK);
    const minutes = kitchenMinutes * rush + minutesPerKm * distanceKm + 0.4 * items + 2.5 * random.normal();
    return {
      id: `d-${String(index + 1).padStart(5, "0")}`, courier, restaurant, distance_km: round(distanceKm, 2), items,
      minutes: round(Math.max(4, minutes), 1), at: new Date(timeMs).toISOString(),
    };
  });
}

/** Rejection sampling (von Neumann 1951): a uniform time is kept as often as its hour has orders. */
function orderTime(random: Random, untilMs: number): number {
  for (;;) {
    const timeMs = Math.floor(untilMs - random.next() * DAYS * DAY_MS);
    if (random.next() * PEAK < DEMAND[hourOf(timeMs)]!) return timeMs;
  }
}

const hourOf = (timeMs: number): number => new Date(timeMs).getUTCHours();
const nameOf = (prefix: string, at: number): string => `${prefix}-${String(at + 1).padStart(2, "0")}`;
const round = (value: number, digits: number): number => Number(value.toFixed(digits));
