-- One request in fifty waits 200 ms, the others not at all.
local count = 0
request = function()
  count = count + 1
  return wrk.format("GET", count % 50 == 0 and "/benchmark?wait_us=200000" or "/benchmark?wait_us=0")
end
