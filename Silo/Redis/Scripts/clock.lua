-- The server's clock is the fleet's: milliseconds since 1970. Instances' clocks differ, and jump.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function whole(number)
  return string.format('%d', number)
end

-- Whether a text, which somebody may have spoiled, is a whole number, and one that a number of this language holds exactly.
local function is_whole(text)
  return #text < 16 and string.match(text, '^%d+$') ~= nil
end
