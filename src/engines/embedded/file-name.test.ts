import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fileNameOf, nameOfFile } from "./file-name.ts";

test("any name becomes a harmless file name and back, distinct also where case is ignored", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }).filter((text) => text.isWellFormed());
  fc.assert(fc.property(name, (name) => {
    const fileName = fileNameOf(name);
    assert.match(fileName, /^[a-z0-9_%-]+$/);
    assert.equal(nameOfFile(fileName), name);
  }));
  assert.deepEqual(["clicks", "Ab/c", "..", "é"].map(fileNameOf), ["clicks", "%41b%2fc", "%2e%2e", "%c3%a9"]);
});

test("refuses names that cannot be stored, and ignores files it did not name", () => {
  for (const name of ["", "\ud800", "x".repeat(201)]) assert.throws(() => fileNameOf(name), { code: "REQUEST_INVALID" });
  for (const fileName of ["", "Clicks", "a.b", "%61", "%zz", "%ff", "%"]) assert.equal(nameOfFile(fileName), undefined);
});
