import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SECTIONS, parseRoute, routeHash } from "./route.ts";
import { themeAfter } from "./theme.ts";

test("links name sections and what is open in them", () => {
  assert.deepEqual(parseRoute(""), { section: "loop" });
  assert.deepEqual(parseRoute("#drift"), { section: "drift" });
  assert.deepEqual(parseRoute("#loop/stream:purchases"), { section: "loop", item: "stream:purchases" });
  assert.deepEqual(parseRoute("#nowhere/%"), { section: "loop" });
  assert.equal(routeHash({ section: "loop", item: "view:a/b" }), "#loop/view:a%2Fb");
});

test("a link leads back to what it was made from", () => {
  fc.assert(fc.property(fc.constantFrom(...SECTIONS), fc.string({ unit: "grapheme", minLength: 1 }), (section, item) => {
    assert.deepEqual(parseRoute(routeHash({ section, item })), { section, item });
  }));
});

test("the theme button goes round", () => {
  assert.deepEqual([themeAfter("system"), themeAfter("light"), themeAfter("dark")], ["light", "dark", "system"]);
});
