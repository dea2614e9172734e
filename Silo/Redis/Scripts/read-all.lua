--@ directory.lua
-- ARGV     channel of notices
-- Returns  the time, and instance, "received snapshot" of each
expire()
if redis.call('HEXISTS', state, 'id') == 0 then
  anew(ARGV[1])
end
local all = redis.call('HGETALL', snapshots)

-- One key can be lost without the others, as where a full server evicts: then silent instances would be missing, or never vanish.
if #all / 2 ~= redis.call('ZCARD', expiries) or #all / 2 ~= redis.call('ZCARD', changes) then
  error('SPOILED')
end
return { whole(now), all }
