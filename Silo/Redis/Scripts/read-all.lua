--@ directory.lua
-- Returns  the time, and instance, "received snapshot" of each
expire()
return { whole(now), redis.call('HGETALL', snapshots) }
