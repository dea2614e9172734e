--@ clock.lua
-- Keys of every script of orders, both of one instance:
--   orders  hash: "o:" id -> "placed expires gone order", "r:" id -> result
--   queue   list: ids, oldest first
local orders, queue = KEYS[1], KEYS[2]

local function read(id)
  local text = redis.call('HGET', orders, 'o:' .. id)
  if not text then
    return nil
  end
  return string.match(text, '^(%d+) (%d+) (%d+) (.*)$')
end

local function forget(id)
  redis.call('HDEL', orders, 'o:' .. id, 'r:' .. id)
  redis.call('LREM', queue, 1, id)
end

-- Takes out what has been past its expiry for the whole retention; the rest, oldest first. What is damaged is taken out where it is told of.
local function kept(damaged)
  local ids = {}
  for _, id in ipairs(redis.call('LRANGE', queue, 0, -1)) do
    local placed, expires, gone = read(id)
    if not placed then
      if damaged then
        damaged[#damaged + 1] = id
        forget(id)
      end
    elseif tonumber(gone) > now then
      ids[#ids + 1] = id
    else
      forget(id)
    end
  end
  return ids
end

local function told(id)
  local placed, expires, gone, order = read(id)
  return { placed, expires, order, redis.call('HGET', orders, 'r:' .. id), whole(now) }
end
