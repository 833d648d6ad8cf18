/** A statement of a person: one SELECT or none at all, its syntax tree, and the times it asks for. */
import { StrataError } from "../../kernel/errors.ts";
import { quoteText } from "../../ports/analytics.ts";
import type { NumberRange, TableUse } from "../../ports/query-sandbox.ts";
import type { Session } from "./session.ts";
import { readingsOf, readsNow } from "./statement-tables.ts";
import type { Node, TimeCondition } from "./statement-tables.ts";

export interface Statement {
  /** The SELECT without EXPLAIN and without its semicolon. */
  readonly select: string;
  readonly explain: "" | "EXPLAIN " | "EXPLAIN ANALYZE ";
  readonly tree: Node;
}

/** QUERY_INVALID when it does not parse, QUERY_REFUSED when it is anything but one SELECT. */
export async function parseStatement(session: Session, sql: string): Promise<Statement> {
  const [, explained, analyze] = /^\s*(explain\b)?(\s+analyze\b)?/i.exec(sql) ?? [];
  const whole = explained === undefined ? sql : sql.slice(/^\s*explain\b(\s+analyze\b)?/i.exec(sql)![0].length);
  const select = whole.trim().replace(/(?:;\s*)+$/, "");
  if (select === "") throw new StrataError("QUERY_INVALID", { reason: "it is empty" });
  const tree = await serialize(session, select);
  if (tree["error"] === true) throw refusal(tree);
  const statements = tree["statements"] as readonly unknown[];
  if (statements.length !== 1) throw new StrataError("QUERY_REFUSED", { reason: `there are ${statements.length} statements` });
  return { select, explain: explained === undefined ? "" : analyze === undefined ? "EXPLAIN " : "EXPLAIN ANALYZE ", tree };
}

async function serialize(session: Session, sql: string): Promise<Node> {
  for await (const chunk of session.chunks(`SELECT json_serialize_sql(${quoteText(sql)})`)) return JSON.parse(String(chunk.getColumnValues(0)[0])) as Node; // a JSON object
  throw new StrataError("QUERY_INVALID", { reason: "it could not be parsed" });
}

function refusal({ error_type: type, error_message: message }: Node): StrataError {
  if (type === "not implemented") return new StrataError("QUERY_REFUSED", { reason: "only SELECT is answered" });
  return new StrataError("QUERY_INVALID", { reason: String(message) });
}

/** Constants that read the clock are looked at before the statement runs; an hour is far more than lies between. */
const NOW_SLACK_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** What a JavaScript date can say. */
const GREATEST_MS = 8.64e15;

/** The tables that are read, with the times wanted of each. */
export async function tablesRead(session: Session, { tree }: Statement, timeColumns: ReadonlyMap<string, string>): Promise<readonly TableUse[]> {
  const byName = new Map([...timeColumns].map(([name, column]) => [name.toLowerCase(), { name, column }]));
  const readings = readingsOf(tree, (table) => byName.get(table.toLowerCase())?.column);
  const versioned = readings.find(({ hasVersion }) => hasVersion);
  if (versioned) throw new StrataError("QUERY_REFUSED", { reason: `AT is not known for table "${versioned.name}"; ask for the whole statement as of a snapshot or a time instead` });
  const uses = new Map<string, NumberRange[]>();
  for (const { name, conditions } of readings) {
    const known = byName.get(name.toLowerCase());
    if (known === undefined) continue; // a common table expression, or unknown and told so when it is bound
    const times = uses.get(known.name) ?? [];
    uses.set(known.name, times);
    times.push(await rangeOf(session, conditions));
  }
  return [...uses].map(([name, times]) => ({ name, times }));
}

async function rangeOf(session: Session, conditions: readonly TimeCondition[]): Promise<NumberRange> {
  let [from, to] = [-Infinity, Infinity];
  for (const { side, value, isByDay } of conditions) {
    const ms = await evaluate(session, value);
    if (ms === undefined) continue;
    const slackMs = (readsNow(value) ? NOW_SLACK_MS : 0) + (isByDay ? DAY_MS : 0) + 1; // one for "<=" and for parts of a millisecond
    if (side === "from") from = Math.max(from, ms - slackMs);
    else to = Math.min(to, ms + slackMs);
  }
  return { from, to };
}

const isNull = (node: unknown): boolean => (node as Node)["class"] === "CONSTANT" && ((node as Node)["value"] as Node)["is_null"] === true;

/** The constant as a time; undefined when it is none. */
async function evaluate(session: Session, value: Node): Promise<number | undefined> {
  try {
    const tree = await serialize(session, "SELECT epoch_us(CAST(NULL AS TIMESTAMP WITH TIME ZONE))");
    const asked = JSON.stringify(tree, (key, member: unknown) => {
      if (key === "query_location") return 0; // may be 2^64-1, which JavaScript cannot keep
      return key === "child" && isNull(member) ? value : member;
    });
    for await (const chunk of session.chunks(`SELECT * FROM json_execute_serialized_sql(${quoteText(asked)})`)) {
      const micros = chunk.getColumnValues(0)[0];
      const ms = typeof micros === "bigint" ? Number(micros) / 1_000 : Number.NaN;
      return Math.abs(ms) <= GREATEST_MS ? ms : undefined;
    }
  } catch (thrown) {
    if (thrown instanceof StrataError && thrown.code === "ABORTED") throw thrown;
  }
  return undefined;
}
