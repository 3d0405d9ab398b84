-- Sixteen requests in one send, again and again:
--
--   wrk -t2 -c64 -d10s -s contrib/pipeline.lua http://127.0.0.1:8080/plaintext
--
-- Another depth: add `-- 32` at the end. There is no `response` function on purpose: with one, wrk
-- makes a Lua table of every answer's fields, and measures itself.

function init(arguments)
   local depth = tonumber(arguments[1]) or 16
   batch = string.rep(wrk.format(), depth)
end

function request()
   return batch
end
