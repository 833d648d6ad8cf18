/**
 * Limits per minute that all processes share, in Valkey or Redis. A take is one script with the integer arithmetic of
 * ports/token-bucket.ts (Lua's numbers are the same doubles), so it answers as every other engine does. A bucket that has
 * refilled expires by itself. All buckets live on one node of a cluster: a take must see them together.
 */
import type { Redis } from "ioredis";
import { StrataError } from "../../kernel/errors.ts";
import type { RateLimiter, RateRefusal, RateTake } from "../../ports/rate-limiter.ts";
import { openValkeyConnection, type ValkeyOptions } from "./valkey-connection.ts";

/**
 * KEYS: one per take; the same key may come twice. ARGV: now, then amount and per-minute rate of each take.
 * Answers nothing when all were taken, else the place of the emptiest that refused and its wait ("inf" for ever).
 */
const TAKE = `
local now = tonumber(ARGV[1])
local used, at, rate = {}, {}, {}
local worst, wait = 0, -1
for i, key in ipairs(KEYS) do
  local amount, per = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  if used[key] == nil then
    local kept = redis.call('HMGET', key, 'used', 'at')
    used[key], at[key] = tonumber(kept[1] or '0'), tonumber(kept[2] or '0')
  end
  local left = math.max(0, used[key] - math.max(0, now - at[key]) * per)
  local next = left + amount * 60000
  local excess = next - per * 60000
  if amount <= 0 or excess <= 0 then
    used[key], at[key], rate[key] = math.max(0, next), math.max(at[key], now), per
  else
    local after = amount > per and math.huge or math.ceil(excess / per)
    if after > wait then worst, wait = i, after end
  end
end
if worst > 0 then return { worst, wait == math.huge and 'inf' or string.format('%.0f', wait) } end
for key, per in pairs(rate) do
  redis.call('HSET', key, 'used', string.format('%.0f', used[key]), 'at', string.format('%.0f', at[key]))
  redis.call('PEXPIRE', key, string.format('%.0f', (per > 0 and math.ceil(used[key] / per) or 0) + 60000))
end
return {}
`;

interface TakingClient extends Redis {
  strataTake(count: number, ...words: readonly (string | number)[]): Promise<readonly [] | readonly [place: number, waitMs: string]>;
}

/** RUNTIME_MISSING without ioredis; ENGINE_UNREACHABLE when nothing answers there, now or later. */
export async function openValkeyRateLimiter(options: ValkeyOptions): Promise<RateLimiter> {
  const connection = await openValkeyConnection(options, {
    what: "The rate limiter", prepare: (client) => client.defineCommand("strataTake", { lua: TAKE }),
    failure: (reason, place, cause) => new StrataError("ENGINE_UNREACHABLE", { engine: "Valkey", place, reason }, { cause }),
  });
  const limiter: RateLimiter = {
    take: (takes, nowMs) => connection.run(async (client) => {
      if (takes.length === 0) return undefined;
      const keys = takes.map(({ bucket }) => `${connection.prefix}:{limits}:${bucket}`);
      const [place, waitMs] = await (client as TakingClient).strataTake(takes.length, ...keys, Math.floor(nowMs), ...takes.flatMap(({ amount, perMinute }) => [amount, perMinute])); // defined by `prepare`
      return refusalOf(takes, place, waitMs);
    }),
    close: () => connection.close(),
    [Symbol.asyncDispose]: () => connection.close(),
  };
  return limiter;
}

function refusalOf(takes: readonly RateTake[], place: number | undefined, waitMs: string | undefined): RateRefusal | undefined {
  if (place === undefined) return undefined;
  return { bucket: takes[place - 1]!.bucket, retryAfterMs: waitMs === "inf" ? Infinity : Number(waitMs) }; // Lua counts from 1
}
