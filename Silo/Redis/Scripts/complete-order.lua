--@ orders.lua
-- ARGV     id, result
-- Returns  1 if it counts; 0 if there is no such order, or it has a result
kept()
if redis.call('HEXISTS', orders, 'o:' .. ARGV[1]) == 0 then
  return 0
end
return redis.call('HSETNX', orders, 'r:' .. ARGV[1], ARGV[2])
