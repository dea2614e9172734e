--@ directory.lua
-- KEYS[7]  records of the instance, which live as long as it is heard
-- ARGV     instance, boot, epoch, sequence, snapshot, retention in ms, id for a directory that begins, channel of notices
-- Returns  outcome (0 published, 1 stale, 2 fenced), boot and epoch that hold the instance's place now
local records = KEYS[7]
local instance, boot, epoch, sequence, snapshot = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local retention, id, channel = tonumber(ARGV[6]), ARGV[7], ARGV[8]

-- Numbers as text: a floating one holds only 53 bits.
local function newer(a, b)
  if #a ~= #b then
    return #a > #b
  end
  return a > b
end

expire()
local lease = redis.call('HGET', leases, instance)
if lease then
  local held, last, holder = string.match(lease, '^(%d+) (%d+) (.*)$')
  if held and not newer(epoch, held) then
    if holder ~= boot then
      return { 2, holder, held }
    end
    if epoch ~= held or not newer(sequence, last) then
      return { 1, holder, held }
    end
  end
end

-- The lease comes last: what stumbles before is run again, and must not find it there.
local begins = redis.call('HSETNX', state, 'id', id) == 1
local version = redis.call('HINCRBY', state, 'version', 1)
redis.call('HSET', snapshots, instance, whole(now) .. ' ' .. snapshot)
redis.call('ZADD', expiries, whole(now + retention), instance)
redis.call('ZADD', changes, whole(version), instance)
redis.call('ZREM', removed, instance)
redis.call('HSET', leases, instance, epoch .. ' ' .. sequence .. ' ' .. boot)

-- A fleet that is gone leaves nothing, though nobody is there to tidy up. Never sooner than another instance's longer retention asks.
for i = 1, 6 do
  if redis.call('PTTL', KEYS[i]) < retention then
    redis.call('PEXPIRE', KEYS[i], whole(2 * retention))
  end
end
redis.call('PEXPIRE', records, whole(retention))

-- Every instance listens: at most ten notices a second, whatever the size of the fleet.
local told = tonumber(redis.call('HGET', state, 'told') or 0)
if now >= told + 100 or now < told then
  redis.call('HSET', state, 'told', whole(now))
  redis.pcall('PUBLISH', channel, '')
end
if begins then
  anew(channel)
end
return { 0, boot, epoch }
