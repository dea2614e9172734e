--@ clock.lua
-- KEYS     profiles: list of "version at profile", newest first; versions: hash: "last", the last version given out, so that no number is given out twice
--          should the list be spoiled. They never vanish.
-- ARGV     version expected, or nothing; profile; how many are kept; channel of notices
-- Returns  "version at profile" as it is kept, or nil if another version than the expected is there
local present = 0
for _, kept in ipairs(redis.call('LRANGE', KEYS[1], 0, tonumber(ARGV[3]) - 1)) do
  -- What is damaged has no say in it.
  local version, json = string.match(kept, '^(%d+) %d+ (.*)$')
  if version and is_whole(version) and pcall(cjson.decode, json) then
    present = tonumber(version)
    break
  end
end
if ARGV[1] ~= '' and tonumber(ARGV[1]) ~= present then
  return false
end

local last = redis.call('HGET', KEYS[2], 'last')
if last and is_whole(last) and tonumber(last) > present then
  present = tonumber(last)
end

local profile = whole(present + 1) .. ' ' .. whole(now) .. ' ' .. ARGV[2]
redis.call('HSET', KEYS[2], 'last', whole(present + 1))
redis.call('LPUSH', KEYS[1], profile)
redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[3]) - 1)
redis.pcall('PUBLISH', ARGV[4], '')
return profile
