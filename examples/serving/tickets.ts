/** Tickets as customers might write them, and whether they could wait. Repeatable: chance is handed in. */
import type { Random } from "strata/testing";

export interface Ticket {
  readonly customer: string;
  readonly text: string;
  readonly isUrgent: boolean;
}

const THINGS = ["the export", "my invoice", "the login page", "the mobile app", "our dashboard", "the payment form", "the weekly report"];
const TROUBLES = ["is broken", "fails with an error", "is down", "does not load", "looks odd on my screen", "is slower than before"];
const WISHES = ["Could you add a dark theme?", "Is there a way to sort by date?", "How do I invite a colleague?", "Where can I change my address?"];
const PRESSURE = ["We have a deadline today!", "This must work NOW!", "Customers cannot pay us!", "Please look at it immediately."];
const CALM = ["No hurry, thanks.", "Whenever you have time, please.", "Thanks for the great work.", "Just so you know."];
const MOODS = ["This is useless.", "Terrible experience.", "You are kind, thanks.", "", "", ""];

export function createTicket(random: Random): Ticket {
  const isUrgent = random.next() < 0.35;
  const trouble = `${random.pick(THINGS)} ${random.pick(TROUBLES)}.`;
  const start = isUrgent || random.next() < 0.4 ? trouble[0]!.toUpperCase() + trouble.slice(1) : random.pick(WISHES);
  // Some people press without reason, and some urgent tickets are polite: no model can be perfect.
  const isLoud = random.next() < (isUrgent ? 0.85 : 0.1);
  const text = [start, isLoud ? random.pick(PRESSURE) : random.pick(CALM), random.pick(MOODS)].filter((part) => part !== "").join(" ");
  return { customer: `customer-${random.integer(400)}`, text: random.next() < (isUrgent ? 0.15 : 0.02) ? text.toUpperCase() : text, isUrgent };
}
