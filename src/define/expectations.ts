/** What a stream's events must look like, and what happens to those that do not. */
import type { Problem } from "../kernel/errors.ts";
import type { Stream } from "./stream.ts";

export interface ExpectationsOptions {
  readonly description?: string;
  readonly of: Stream<string, never> | Stream;
}

export interface Expectations<Name extends string = string> {
  readonly kind: "expectations";
  readonly name: Name;
  readonly description: string;
  readonly of: Stream;
}

/** Declares the expectations of a stream. */
export function defineExpectations<const Name extends string>(name: Name, options: ExpectationsOptions): Expectations<Name> {
  return Object.freeze({ kind: "expectations" as const, name, description: options.description ?? "", of: options.of as Stream });
}

export function describeExpectations(expectations: Expectations): object {
  return { description: expectations.description, of: expectations.of.name };
}

export function checkExpectations(_expectations: Expectations): readonly Problem[] {
  return [];
}
