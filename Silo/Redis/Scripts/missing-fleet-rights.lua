--@ rights.lua
-- What of the rights on the fleet's keys and channels the user lacks: of all that the other scripts, and who listens, do.
-- KEYS     a key of the fleet
-- ARGV     a channel of the fleet
-- Returns  the commands, separated by blanks, or nil
local key, channel = KEYS[1], ARGV[1]
check('evalsha', 'hash', '0')
check('time')
check('hget', key, 'field')
check('hmget', key, 'field')
check('hgetall', key)
check('hset', key, 'field', 'value')
check('hsetnx', key, 'field', 'value')
check('hdel', key, 'field')
check('hexists', key, 'field')
check('hincrby', key, 'field', '1')
check('zadd', key, '1', 'member')
check('zrem', key, 'member')
check('zcard', key)
check('zrange', key, '0', '0')
check('zrangebyscore', key, '0', '0')
check('zremrangebyrank', key, '0', '0')
check('lindex', key, '0')
check('lrange', key, '0', '0')
check('lrem', key, '0', 'value')
check('lpush', key, 'value')
check('rpush', key, 'value')
check('ltrim', key, '0', '0')
check('pttl', key)
check('pexpire', key, '1')
check('publish', channel, 'message')
check('subscribe', channel)
return lacking()
