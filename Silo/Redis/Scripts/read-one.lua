--@ directory.lua
-- ARGV     instance
-- Returns  "received snapshot", or nil
expire()
return redis.call('HGET', snapshots, ARGV[1])
