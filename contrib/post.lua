-- Posts a body of 16 KiB:
--
--   wrk -t2 -c64 -d10s -s contrib/post.lua http://127.0.0.1:8080/zero-copy
--
-- Another length, in bytes: add `-- 65536` at the end. wrk makes the request once, since nothing
-- here changes it.

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/octet-stream"

function init(arguments)
   local bytes = tonumber(arguments[1]) or 16384
   wrk.body = string.rep("0123456789abcdef", math.ceil(bytes / 16)):sub(1, bytes)
end
