--@ orders.lua
-- Returns  placed, expires, order, result or nil: of each, oldest first
local all = {}
for _, id in ipairs(kept()) do
  all[#all + 1] = told(id)
end
return all
