-- What of the rights on a Mesh's table the user lacks. A server older than 7.0 can't be asked: nil then, as where none is lacking.
-- KEYS     the table
-- Returns  the commands, separated by blanks, or nil
if not redis.acl_check_cmd then return nil end
local missing = {}
local function check(command, ...)
    if not redis.acl_check_cmd(command, KEYS[1], ...) then missing[#missing + 1] = command end
end

check('hgetall')
check('hget', 'field')
check('hset', 'field', 'value')
check('hsetnx', 'field', 'value')
check('hdel', 'field')
check('hexists', 'field')
check('exists')
return #missing > 0 and table.concat(missing, ' ') or nil
