import assert from "node:assert/strict";
import { test } from "node:test";
import { findPersonalData, PERSONAL_DATA_KINDS } from "./guardrail-personal-data-patterns.ts";

const found = (text: string): readonly string[] => findPersonalData(text, PERSONAL_DATA_KINDS).map(({ kind, start, end }) => `${kind} ${text.slice(start, end)}`);

test("personal data is found in the forms that people write", () => {
  for (const [text, ...expected] of [
    ["Write to Ann.Lee+news@mail.example.co.uk.", "email Ann.Lee+news@mail.example.co.uk"],
    ["jürgen@müller.example, <b@c.de>", "email jürgen@müller.example", "email b@c.de"],
    ["IBAN: DE89 3704 0044 0532 0130 00 please", "iban DE89 3704 0044 0532 0130 00"],
    ["GB29NWBK60161331926819 OR FR1420041010050500013M02606", "iban GB29NWBK60161331926819", "iban FR1420041010050500013M02606"],
    ["card 4111 1111 1111 1111, or 5500-0000-0000-0004, or 378282246310005", "card 4111 1111 1111 1111", "card 5500-0000-0000-0004", "card 378282246310005"],
    ["SSN 123-45-6789", "ssn 123-45-6789"],
    ["from 192.168.0.1 and 2001:db8:0:0:0:0:0:1 and fe80::1ff:fe23:4567:890a", "ip 192.168.0.1", "ip 2001:db8:0:0:0:0:0:1", "ip fe80::1ff:fe23:4567:890a"],
    ["call +49 170 1234567 or (555) 123-4567 or 555-123-4567", "phone +49 170 1234567", "phone (555) 123-4567", "phone 555-123-4567"],
    ["Tel. 0049 30 1234567 / 030 12345678 / +1 (415) 555-2671", "phone 0049 30 1234567", "phone 030 12345678", "phone +1 (415) 555-2671"],
  ] as const) assert.deepEqual(found(text), expected, text);
});

test("numbers that only look like it are left alone", () => {
  for (const text of [
    "card 4111 1111 1111 1112", "order 1234567890123456", "999.1.2.3 and 1.2.3", "on 2026-03-01 at 12:30:45", "000-12-3456 and 666-12-3456 and 123-00-4567",
    "version 10.2.3", "3.14159265358979", "1,234,567,890", "12:34:56", "a@b", "@mention and user@localhost", "100 000 000", "in 1998 and 2004", "price 1299", "std::vector", "id 5f3c-11ab", "2026/03/01", "01/02/2026",
  ]) assert.deepEqual(found(text), [], text);
});

test("only the kinds that are asked for are looked for", () => {
  const text = "ann@example.org at 192.168.0.1";
  assert.deepEqual(findPersonalData(text, ["ip"]).map(({ kind }) => kind), ["ip"]);
});
