--@ directory.lua
-- ARGV     directory and version that the reader knows, most instances on the page, channel of notices
-- Returns  the time, directory, version, 1 if there is more, 1 if the reader begins anew,
--          instance, "received snapshot" of each changed one, the removed ones
-- Within a reading that began anew the directory reads "id@start", the version at which it began: what was removed before concerns it not.
expire()
local known = redis.call('HMGET', state, 'id', 'version', 'forgotten')
local id, version, forgotten = known[1] or '', tonumber(known[2] or 0), tonumber(known[3] or 0)
if id == '' then
  anew(ARGV[4])
end
local since, from, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local begunId, begunAt = string.match(since, '^(.*)@(%d+)$')
local start = begunId == id and tonumber(begunAt) >= forgotten and tonumber(begunAt) or nil
local anew = not start and (since ~= id or from < forgotten) or from > version
if anew then
  from, start = 0, version
end

local after = '(' .. whole(from)
local changed = redis.call('ZRANGEBYSCORE', changes, after, '+inf', 'WITHSCORES', 'LIMIT', 0, limit + 1)
local gone = redis.call('ZRANGEBYSCORE', removed, '(' .. whole(math.max(from, start or 0)), '+inf', 'WITHSCORES', 'LIMIT', 0, limit + 1)
local entries, names, c, g, count = {}, {}, 1, 1, 0
local upTo = version
local more = false
while changed[c] or gone[g] do
  if count == limit then
    more = true
    break
  end
  local isChange = changed[c] and (not gone[g] or tonumber(changed[c + 1]) < tonumber(gone[g + 1]))
  if isChange then
    local snapshot = redis.call('HGET', snapshots, changed[c])
    if snapshot then
      entries[#entries + 1] = changed[c]
      entries[#entries + 1] = snapshot
    end
    upTo = tonumber(changed[c + 1])
    c = c + 2
  else
    names[#names + 1] = gone[g]
    upTo = tonumber(gone[g + 1])
    g = g + 2
  end
  count = count + 1
end

if more then
  if start then
    id = id .. '@' .. whole(start)
  end
else
  upTo = version
end
return { whole(now), id, whole(upTo), more and 1 or 0, anew and 1 or 0, entries, names }
