import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseIsoTime } from "./iso-time.ts";

test("agrees with Date on every millisecond of years 0000 to 9999", () => {
  fc.assert(fc.property(fc.integer({ min: Date.UTC(2000, 0, 1) - 2000 * 365.2425 * 86_400_000 + 86_400_000, max: Date.UTC(9999, 11, 31) }), (ms) => {
    assert.equal(parseIsoTime(new Date(ms).toISOString()), ms);
  }), { numRuns: 2_000 });
});

test("an offset moves the time, a fraction of any length is cut to milliseconds", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: -1439, max: 1439 }), fc.stringMatching(/^\d{0,9}$/), (ms, offset, more) => {
    const local = new Date(ms + offset * 60_000).toISOString().slice(0, -1) + more;
    const minutes = Math.abs(offset);
    const zone = `${offset < 0 ? "-" : "+"}${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
    assert.equal(parseIsoTime(local + zone), ms);
  }));
});

test("short fractions count from the left, leap seconds roll over, letters may be small", () => {
  assert.equal(parseIsoTime("2026-01-01T00:00:00.5Z"), Date.UTC(2026, 0, 1) + 500);
  assert.equal(parseIsoTime("2026-01-01T00:00:00.05z"), Date.UTC(2026, 0, 1) + 50);
  assert.equal(parseIsoTime("2016-12-31T23:59:60Z"), Date.UTC(2017, 0, 1));
  assert.equal(parseIsoTime("2024-02-29t12:00:00Z"), Date.UTC(2024, 1, 29, 12));
});

test("refuses what is no RFC 3339 time", () => {
  const refused = [
    "", "2026", "2026-01-01", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.5", "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-00T00:00:00Z",
    "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00+01:60",
    "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00ZZ", "2026-01-01 00:00:00Z", "+02026-01-01T00:00:00Z",
    "2026-1-01T00:00:00Z0", "２026-01-01T00:00:00Z", "2026-01-01T00:00:00.1234", "2026-01-01T00:00:0xZ", "Thu, 01 Jan 2026 00:00:00 GMT",
  ];
  for (const text of refused) assert.ok(Number.isNaN(parseIsoTime(text)), text);
});
