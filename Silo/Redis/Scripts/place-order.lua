--@ orders.lua
-- ARGV     id, order, how long it lasts and how long it is kept beyond in ms, how many are kept, channel of notices
-- Returns  placed, expires, order, result or nil, the time: of the order that is there
local id, order, lasts, retention, most, channel = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local ids = kept()
local _, _, _, present = read(id)
if present and pcall(cjson.decode, present) then
  for _, other in ipairs(ids) do
    if other == id then
      return told(id)
    end
  end

  -- Its queue was lost, or it has been past its retention.
  redis.call('RPUSH', queue, id)
  return told(id)
end
forget(id)
for i, other in ipairs(ids) do
  if other == id then
    table.remove(ids, i)
    break
  end
end

redis.call('HSET', orders, 'o:' .. id,
  whole(now) .. ' ' .. whole(now + lasts) .. ' ' .. whole(now + lasts + retention) .. ' ' .. order)
redis.call('RPUSH', queue, id)
ids[#ids + 1] = id
while #ids > most do
  -- What is done is of less use than what is to do.
  local out = 1
  for i, other in ipairs(ids) do
    if redis.call('HEXISTS', orders, 'r:' .. other) == 1 then
      out = i
      break
    end
  end
  forget(table.remove(ids, out))
end

for i = 1, 2 do
  if redis.call('PTTL', KEYS[i]) < lasts + retention then
    redis.call('PEXPIRE', KEYS[i], whole(lasts + retention))
  end
end
redis.pcall('PUBLISH', channel, '')
return told(id)
