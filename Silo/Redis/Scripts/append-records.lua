-- KEYS     records of the instance: list, oldest first
-- ARGV     how many are kept, retention in ms, records
for i = 3, #ARGV do
  redis.call('RPUSH', KEYS[1], ARGV[i])
end
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[1]), -1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.status_reply('OK')
