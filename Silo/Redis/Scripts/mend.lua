--@ clock.lua
-- Takes out what somebody else has spoiled, so that readers and writers go on. Called when another script, or a command, has stumbled over it.
-- With no command that the fleet does not need anyhow.
-- KEYS     those of the call that stumbled: six and more are the directory's, a hash and a list an instance's orders
-- ARGV     of each key what it has to be: hash, list or zset
-- Returns  key, or key and field, of each that was spoiled, and what it has to be
local told = {}
local probes = { hash = { 'HEXISTS', '' }, list = { 'LRANGE', '0', '0' }, zset = { 'ZCARD' } }

local function spoiled(what, right)
  told[#told + 1] = what
  told[#told + 1] = right
end

local wrong = {}
for i, key in ipairs(KEYS) do
  local probe = probes[ARGV[i]]
  local answer = redis.pcall(probe[1], key, unpack(probe, 2))
  if type(answer) == 'table' and answer.err and string.find(answer.err, 'WRONGTYPE', 1, true) then
    redis.call('PEXPIRE', key, '0')
    wrong[i] = true
    spoiled(key, 'a ' .. ARGV[i])
  end
end

local function fields(key)
  local all = redis.call('HGETALL', key)
  local i = -1
  return function()
    i = i + 2
    return all[i], all[i + 1]
  end
end

-- The life that holds an instance's place, as its snapshot tells: an older process must not take the place for the loss of the lease.
local function lease(leases, instance, text)
  local read, snapshot = pcall(cjson.decode, string.match(text, '^%d+ (.*)$') or '')
  if read and type(snapshot) == 'table' and type(snapshot.epoch) == 'number' and type(snapshot.sequence) == 'number' and type(snapshot.boot) == 'string' then
    redis.call('HSET', leases, instance, whole(snapshot.epoch) .. ' ' .. whole(snapshot.sequence) .. ' ' .. snapshot.boot)
  end
end

if #KEYS >= 6 then
  local state, leases, snapshots, expiries, changes, removed = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
  for _, field in ipairs({ 'version', 'forgotten', 'told' }) do
    local value = redis.call('HGET', state, field)
    if value and not is_whole(value) then
      redis.call('HDEL', state, field)
      spoiled(state .. ' ' .. field, 'a whole number')
    end
  end

  -- Keys that do not tell of the same instances: one of them was lost.
  local count, known, expires = 0, {}, {}
  for instance in fields(snapshots) do
    count = count + 1
    known[instance] = true
  end
  local lost = {}
  for _, key in ipairs({ expiries, changes }) do
    local members = redis.call('ZRANGE', key, 0, -1)
    for _, instance in ipairs(members) do
      if known[instance] then
        expires[instance] = expires[instance] or key == expiries
      else
        redis.call('ZREM', key, instance)
        redis.call('HDEL', leases, instance)
        lost[snapshots] = true
      end
    end
    lost[key] = #members < count
  end
  if #told == 0 then
    for _, key in ipairs({ snapshots, expiries, changes }) do
      if lost[key] then
        spoiled(key, 'of the same instances as the keys beside it')
      end
    end
  end

  -- The directory begins anew with the snapshots that are left. Its next publisher gives it another id, by which readers and instances know.
  if #told > 0 then
    local left = redis.call('PTTL', snapshots)
    local vanish = whole(now + (left > 0 and left or 86400000))
    local number = 0
    redis.call('PEXPIRE', removed, '0')
    for instance, text in fields(snapshots) do
      number = number + 1
      if wrong[2] then
        lease(leases, instance, text)
      end
      redis.call('ZADD', changes, number, instance)
      if not expires[instance] then
        redis.call('ZADD', expiries, vanish, instance)
      end
    end
    redis.call('HDEL', state, 'id', 'forgotten', 'told')
    redis.call('HSET', state, 'version', whole(count))
  end
elseif #KEYS == 2 and ARGV[1] == 'hash' and wrong[2] then
  local order = {}
  for field, text in fields(KEYS[1]) do
    local id, placed = string.match(field, '^o:(.*)$'), string.match(text, '^(%d+) ')
    if id and placed then
      order[#order + 1] = { id, tonumber(placed) }
    end
  end
  table.sort(order, function(a, b) return a[2] < b[2] end)
  for _, one in ipairs(order) do
    redis.call('RPUSH', KEYS[2], one[1])
  end
  local left = redis.call('PTTL', KEYS[1])
  if left > 0 then
    redis.call('PEXPIRE', KEYS[2], whole(left))
  end
end
return told
