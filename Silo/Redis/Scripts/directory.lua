--@ clock.lua
-- Keys of every script of the directory, in this order; all of one fleet, in one hash slot:
--   state      hash: id (which directory), version (counts changes), forgotten (up to which removal nothing is known), told (last notice)
--   leases     hash: instance -> "epoch sequence boot", the life that holds its place
--   snapshots  hash: instance -> "received snapshot"
--   expiries   sorted set: instance by when it vanishes
--   changes    sorted set: instance by the version of its last change
--   removed    sorted set: instance by the version of its removal, the last of them
local state, leases, snapshots, expiries, changes, removed = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]

-- Numbers that somebody has spoiled end the script before it has changed anything: the caller mends them and runs it again.
local function sound()
  for _, value in ipairs(redis.call('HMGET', state, 'version', 'forgotten', 'told')) do
    if value and not is_whole(value) then
      error('SPOILED')
    end
  end
end

-- Nobody has published since the directory began: whoever lives and listens is asked to.
local function anew(channel)
  redis.pcall('PUBLISH', channel, 'anew')
end

-- Takes out what is past its retention. Bounded: what is left over is the next call's.
local function expire()
  sound()
  local old = redis.call('ZRANGEBYSCORE', expiries, '-inf', whole(now), 'LIMIT', 0, 1000)
  if #old == 0 then
    return
  end
  for _, instance in ipairs(old) do
    -- A server that is full, or takes no writes, is read all the same: what is past its retention stays until it takes them again.
    local version = redis.pcall('HINCRBY', state, 'version', 1)
    if type(version) == 'table' then
      return
    end
    redis.call('ZADD', removed, whole(version), instance)
    redis.call('ZREM', expiries, instance)
    redis.call('HDEL', leases, instance)
    redis.call('HDEL', snapshots, instance)
    redis.call('ZREM', changes, instance)
  end
  local over = redis.call('ZCARD', removed) - 1000
  if over > 0 then
    local last = redis.call('ZRANGE', removed, over - 1, over - 1, 'WITHSCORES')
    redis.call('HSET', state, 'forgotten', whole(tonumber(last[2])))
    redis.call('ZREMRANGEBYRANK', removed, 0, over - 1)
  end
end
