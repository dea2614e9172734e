--@ clock.lua
-- Takes out of a Mesh's table what somebody else has spoiled: one bad row lets no silo read any of it. Without a sound version it is of no use as a whole, and
-- goes: silos that run find out, and make it anew.
-- KEYS     the table: a hash of Orleans' own, silo -> row in JSON, and Version
-- Returns  key, or key and field, of each that was spoiled, and what it has to be
local table_key = KEYS[1]
local all = redis.pcall('HGETALL', table_key)
if all.err then
  if not string.find(all.err, 'WRONGTYPE', 1, true) then
    return {}
  end
  redis.call('PEXPIRE', table_key, '0')
  return { table_key, 'a hash' }
end

local told = {}
local sound = #all == 0
for i = 1, #all, 2 do
  local field, value = all[i], all[i + 1]
  if field == 'Version' then
    sound = is_whole(value) and tonumber(value) < 2147483647
  else
    local read, row = pcall(cjson.decode, value)
    if not read or type(row) ~= 'table' then
      redis.call('HDEL', table_key, field)
      told[#told + 1] = table_key .. ' ' .. field
      told[#told + 1] = 'the row of a silo'
    end
  end
end
if not sound then
  redis.call('PEXPIRE', table_key, '0')
  return { table_key .. ' Version', 'a whole number' }
end
return told
