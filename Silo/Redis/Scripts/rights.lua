-- A server older than 7.0 can't be asked what its user may do: nil then, as where nothing is lacking.
if not redis.acl_check_cmd then return nil end
local missing = {}

-- A command that the server was told to know by another name, or not at all, is lacking too.
local function check(command, ...)
  local known, may = pcall(redis.acl_check_cmd, command, ...)
  if not (known and may) then
    missing[#missing + 1] = command
  end
end

local function lacking()
  return #missing > 0 and table.concat(missing, ' ') or nil
end
