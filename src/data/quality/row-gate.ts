/**
 * What the rules of a stream say at the door: rules that quarantine are asked about each event before it is stored.
 * Compiled once per definition; an event that is good costs a few closures and no allocation.
 */
import type { Application, Expectations } from "../../define/index.ts";
import type { Problem } from "../../kernel/errors.ts";
import { compileEventTest } from "./event-test.ts";
import type { EventTest } from "./event-test.ts";
import type { RowRules } from "../ingestion/row-check.ts";
import { offence } from "./verdict.ts";

/** Begins the code of a problem that a rule found; its set and name follow. */
const CODE_PREFIX = "expectation ";

interface DoorRule {
  readonly test: EventTest;
  readonly problem: Problem;
}

/** Rules that keep events out, or those that only tell. */
export type DoorSide = "refuse" | "warn";

/** The rules of a stream that look at one event alone; undefined when it has none. */
export function compileRowRules(expectations: Iterable<Expectations>, stream: string, side: DoorSide): RowRules | undefined {
  const rules = [...expectations].filter(({ of }) => of.name === stream).flatMap((set) => doorRules(set, side));
  if (rules.length === 0) return undefined;
  return (row, timeMs) => {
    let problems: Problem[] | undefined;
    for (const { test, problem } of rules) {
      if (test(row, timeMs) === "bad") (problems ??= []).push(problem);
    }
    return problems;
  };
}

function doorRules({ name, rules }: Expectations, side: DoorSide): DoorRule[] {
  return Object.entries(rules).flatMap(([rule, node]) => {
    const test = (node.action === "quarantine") === (side === "refuse") ? compileEventTest(node.test) : undefined;
    if (test === undefined) return [];
    const field = "value" in node.test && node.test.value.op === "field" ? node.test.value.name : "";
    const because = node.because === "" ? "" : `: ${node.because}`;
    return [{ test, problem: { path: field, message: `${offence(node.test, 1)}${because}`, code: `${CODE_PREFIX}${name}.${rule}` } }];
  });
}

/** The rule of a problem's code, if a rule of these expectations found it. */
export function ruleOfCode(code: string | undefined, expectations: string): string | undefined {
  const prefix = `${CODE_PREFIX}${expectations}.`;
  return code?.startsWith(prefix) === true ? code.slice(prefix.length) : undefined;
}

/** The rules per stream of the definition in force, compiled when first asked for. */
export function createRowRules(application: () => Application, side: DoorSide): (stream: string) => RowRules | undefined {
  let known: Application | undefined;
  const compiled = new Map<string, RowRules | undefined>();
  return (stream) => {
    const current = application();
    if (current !== known) {
      compiled.clear();
      known = current;
    }
    if (!compiled.has(stream)) compiled.set(stream, compileRowRules(current.expectations.values(), stream, side));
    return compiled.get(stream);
  };
}
