/**
 * Laws search the same cases on every machine, so that a red run is the fault of the change that it tests.
 * `STRATA_LAW_SEED=random npm test` explores new ones; a number repeats a search.
 */
import fc from "fast-check";

const seed = process.env["STRATA_LAW_SEED"] ?? "20261122";
if (seed !== "random") fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
