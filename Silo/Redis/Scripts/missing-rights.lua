--@ rights.lua
-- What of the rights on a Mesh's table the user lacks.
-- KEYS     the table
-- Returns  the commands, separated by blanks, or nil
local key = KEYS[1]
check('hgetall', key)
check('hget', key, 'field')
check('hset', key, 'field', 'value')
check('hsetnx', key, 'field', 'value')
check('hdel', key, 'field')
check('hexists', key, 'field')
check('exists', key)
return lacking()
