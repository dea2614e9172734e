--@ directory.lua
-- ARGV     channel of notices
-- Returns  the time, and instance, "received snapshot" of each
expire()
if redis.call('HEXISTS', state, 'id') == 0 then
  anew(ARGV[1])
end
return { whole(now), redis.call('HGETALL', snapshots) }
