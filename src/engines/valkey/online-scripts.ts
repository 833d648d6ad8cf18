/**
 * The steps of the online store that must be one: as Lua that the server runs without interruption (Valkey and Redis
 * replicate and log a script's effects as one transaction). All keys of a view share a hash tag, so that they live together in
 * a cluster too.
 *
 *   <prefix>:{<view>}:rows            hash: entity key → packed bytes
 *   <prefix>:{<view>}:of:<partition>  set: the entities of a partition
 *   <prefix>:{<view>}:at:<partition>  hash: epoch, offsets (JSON)
 *   <prefix>:{<view>}:partitions      set
 */
import type { Redis } from "ioredis";

export interface ViewKeys {
  readonly rows: string;
  readonly partitions: string;
  members(partition: number): string;
  position(partition: number): string;
}

export function viewKeys(prefix: string, view: string): ViewKeys {
  const stem = `${prefix}:{${encodeURIComponent(view)}}`; // no brace of a name may end the tag
  return { rows: `${stem}:rows`, partitions: `${stem}:partitions`, members: (partition) => `${stem}:of:${partition}`, position: (partition) => `${stem}:at:${partition}` };
}

/** Answers "done", "repeated", "mixed", or the epoch that fences. */
export type WriteAnswer = string;

export interface ScriptedClient extends Redis {
  strataOnlineWrite(rows: string, position: string, members: string, partitions: string, ...rest: readonly (string | number | Buffer)[]): Promise<WriteAnswer>;
  /** Answers the partition's offsets as JSON, or the epoch that fences. */
  strataOnlineClaim(position: string, partitions: string, partition: number, epoch: number): Promise<string>;
  strataOnlineDrop(rows: string, partitions: string, stem: string): Promise<number>;
}

/** ARGV: partition, epoch, offsets, count of entities that are set, then key and bytes of each, then keys that are removed. */
const WRITE = `
local at = redis.call('HMGET', KEYS[2], 'epoch', 'offsets')
local epoch = tonumber(ARGV[2])
if at[1] then
  local current = tonumber(at[1])
  if epoch < current then return at[1] end
  if epoch == current then
    local old, new = cjson.decode(at[2]), cjson.decode(ARGV[3])
    local ahead, behind = false, false
    for log, offset in pairs(new) do
      local before = old[log] or 0
      if offset > before then ahead = true elseif offset < before then behind = true end
    end
    for log, offset in pairs(old) do
      if new[log] == nil and offset > 0 then behind = true end
    end
    if not ahead then return 'repeated' end
    if behind then return 'mixed' end
  end
end
local last = 4 + 2 * tonumber(ARGV[4])
for i = 5, last, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  redis.call('SADD', KEYS[3], ARGV[i])
end
for i = last + 1, #ARGV do
  redis.call('HDEL', KEYS[1], ARGV[i])
  redis.call('SREM', KEYS[3], ARGV[i])
end
redis.call('HSET', KEYS[2], 'epoch', ARGV[2], 'offsets', ARGV[3])
redis.call('SADD', KEYS[4], ARGV[1])
return 'done'
`;

/** ARGV: partition, epoch. Answers the offsets, or the epoch that fences as a number. */
const CLAIM = `
local at = redis.call('HMGET', KEYS[1], 'epoch', 'offsets')
if at[1] and tonumber(ARGV[2]) < tonumber(at[1]) then return at[1] end
local offsets = at[2] or '{}'
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'offsets', offsets)
redis.call('SADD', KEYS[2], ARGV[1])
return offsets
`;

/** One hash per view, so that forgetting it costs the same whatever its size: the memory is freed by a thread of the server. */
const DROP = `
for _, partition in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  redis.call('UNLINK', ARGV[1] .. ':of:' .. partition, ARGV[1] .. ':at:' .. partition)
end
return redis.call('UNLINK', KEYS[1], KEYS[2])
`;

export function defineOnlineScripts(client: Redis): void {
  client.defineCommand("strataOnlineWrite", { numberOfKeys: 4, lua: WRITE });
  client.defineCommand("strataOnlineClaim", { numberOfKeys: 2, lua: CLAIM });
  client.defineCommand("strataOnlineDrop", { numberOfKeys: 2, lua: DROP });
}
