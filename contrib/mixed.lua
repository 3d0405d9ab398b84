-- Four kinds of work in turn: fixed bytes, JSON, a look-up that is computed once (50 ms), and a
-- wait of 100 us on the reactor's timer:
--
--   wrk -t2 -c64 -d10s -s contrib/mixed.lua http://127.0.0.1:8080/
--
-- Each thread of wrk takes the paths in turn, whichever connection asks.

local paths = { "/plaintext", "/json", "/cache/x", "/benchmark" }
local requests = {}
local last = 0

function init(arguments)
   for number, path in ipairs(paths) do
      requests[number] = wrk.format("GET", path)
   end
end

function request()
   last = last % #requests + 1
   return requests[last]
end
