--@ orders.lua
-- Returns  placed, expires, order, result or nil, the time: of each, oldest first; of a damaged one its id alone
local all, damaged = {}, {}
for _, id in ipairs(kept(damaged)) do
  all[#all + 1] = told(id)
end
for _, id in ipairs(damaged) do
  all[#all + 1] = { id }
end
return all
