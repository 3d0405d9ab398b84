# Sourced by contrib/clients.sh: curl with every option that concerns an HTTP/1.1 server.
# shellcheck shell=bash
# shellcheck disable=SC2154 # scratch, url, hello and code are set there.

# crc FILE: its CRC-32, which gzip writes in front of the length at its end.
crc() { gzip -c "$1" | tail -c 8 | head -c 4 | od -An --endian=little -tx4 | tr -d ' '; }

# taken FILE: the answer of /zero-copy says that this is what came.
taken() {
    same 'bytes and CRC' "$(stat -c %s "$1") $(crc "$1")" \
        "$(jq -r '"\(.input_size) \(.crc32)"' "$scratch/content")"
}

versions_of_http() {
    check curl '--http1.0'
    ask --http1.0 "$url/plaintext"
    answered 0 200 "$hello"
    field Connection close
    ok

    check curl '--http1.0, keep-alive asked, two URLs'
    ask --http1.0 -H 'Connection: keep-alive' "$url/plaintext" "$url/plaintext"
    answered 0 '200 200' "$hello$hello"
    same 'Connection fields' 'Connection: keep-alive Connection: keep-alive' \
        "$(grep '^Connection: ' "$scratch/head" | tr -d '\r' | xargs)"
    opened 1
    ok

    check curl '--http1.1'
    ask --http1.1 "$url/plaintext"
    answered 0 200 "$hello"
    field Connection ''
    field Content-Length 13
    ok

    check curl '--http2: Upgrade: h2c is ignored'
    ask --http2 "$url/plaintext" "$url/json"
    answered 0 '200 200' "$hello"'{"message":"Hello, World!"}'
    same 'version' '1.1 1.1' "$(told version)"
    opened 1
    ok

    # curl does not show an answer that is no frame: the server counts it, and client.py reads it.
    check curl '--http2-prior-knowledge: 505'
    local before
    before=$(figure .refusals.version)
    ask --http2-prior-knowledge "$url/plaintext"
    same "curl's exit code is not 0" yes "$([[ $code -eq 0 ]] && echo no || echo yes)"
    same 'refusals of the version' $((before + 1)) "$(figure .refusals.version)"
    ok

    check curl '--http0.9 allowed: HTTP/1.1 comes'
    ask --http0.9 "$url/plaintext"
    answered 0 200 "$hello"
    same version 1.1 "$(told version)"
    ok
}

methods_and_targets() {
    check curl '-I'
    ask -I "$url/plaintext"
    answered 0 200
    field Content-Length 13
    same 'nothing behind the head' "$(<"$scratch/head")" "$(<"$scratch/content")"
    ok

    check curl '-I, then a GET over the same connection'
    ask -I "$url/plaintext" \
        --next -q -sS --max-time 20 --write-out '%{stderr}status=%{http_code}\n' "$url/plaintext"
    answered 0 '200 200'
    same 'last line' "$hello" "$(tail -n 1 "$scratch/content")"
    opened 1
    ok

    check curl '-X OPTIONS'
    ask -X OPTIONS "$url/plaintext"
    answered 0 204 ''
    field Allow 'GET, HEAD, OPTIONS'
    field Content-Length ''
    ok

    check curl "-X OPTIONS --request-target '*'"
    ask -X OPTIONS --request-target '*' "$url"
    answered 0 204 ''
    field Allow 'GET, HEAD, POST, OPTIONS'
    ok

    check curl "--request-target '*' with GET: 400"
    ask --request-target '*' "$url"
    answered 0 400
    error 'request target'
    field Connection close
    ok

    local method status
    for method in TRACE:405 DELETE:405 PATCH:405 BREW:501 get:501; do
        status=${method#*:} method=${method%:*}
        check curl "-X $method: $status, and the connection stays"
        ask -X "$method" "$url/plaintext" "$url/plaintext"
        answered 0 "$status $status"
        opened 1
        ok
    done

    check curl '--proxy: the absolute form'
    ask --proxy "$url" http://example.org/plaintext http://example.org/json
    answered 0 '200 200' "$hello"'{"message":"Hello, World!"}'
    opened 1
    ok

    check curl '--proxytunnel: CONNECT gets 501'
    ask --proxytunnel --proxy "$url" http://example.org/plaintext
    answered 56 000 ''
    same "CONNECT's status" 501 "$(told tunnel)"
    ok

    check curl '/../ is taken away by curl'
    ask "$url/x/../plaintext"
    answered 0 200 "$hello"
    ok

    local path
    for path in /x/../plaintext /../plaintext /cache/../plaintext /%2e%2e/plaintext; do
        check curl "--path-as-is $path: 404, nothing is climbed"
        ask --path-as-is "$url$path"
        answered 0 404
        error 'there is nothing at this path'
        ok
    done

    # What a shell's globbing must not see, and browsers send raw.
    check curl '--globoff with []{}|^" in the query'
    ask --globoff "$url/plaintext?a[]={x|y}^\""
    answered 0 200 "$hello"
    ok
}

fields() {
    check curl "-H 'Host:', no Host at all: 400"
    ask -H 'Host:' "$url/plaintext"
    answered 0 400
    error 'no Host field'
    field Connection close
    ok

    check curl "-H 'Host:' with --http1.0"
    ask --http1.0 -H 'Host:' "$url/plaintext"
    answered 0 200 "$hello"
    ok

    # RFC 9112 section 3.2: empty is what a client sends whose URI has no authority.
    check curl "-H 'Host;', an empty one"
    ask -H 'Host;' "$url/plaintext"
    answered 0 200 "$hello"
    ok

    check curl '--haproxy-protocol: 400 before any request'
    ask --haproxy-protocol "$url/plaintext"
    answered 0 400
    error 'request target'
    field Connection close
    ok

    check curl '--trace-ascii: fields in odd letters are understood'
    ask --trace-ascii "$scratch/trace" -H 'aCCePt: TEXT/HTML' -H 'cONNECTION: CLOSE' "$url/"
    answered 0 200
    same 'curl sent them as given' 2 \
        "$(grep -cE 'aCCePt: TEXT/HTML|cONNECTION: CLOSE' "$scratch/trace")"
    field Content-Type 'text/html; charset=utf-8'
    field Connection close
    same 'fields received, in the usual letters' \
        'Connection Content-Length Content-Security-Policy Content-Type Date Server Vary X-Content-Type-Options' \
        "$(sed -n '/Recv header/,$ s/^0000: \([A-Z][A-Za-z-]*\): .*/\1/p' "$scratch/trace" |
            sort | xargs)"
    ok

    check curl '--range: ignored, all of it with 200'
    ask --range 0-3 "$url/plaintext"
    answered 0 200 "$hello"
    field Content-Range ''
    ok

    check curl '--compressed: the bytes as they are'
    ask --compressed "$url/plaintext"
    answered 0 200 "$hello"
    field Content-Encoding ''
    ok

    check curl '--user, --cookie, --referer, --time-cond'
    ask --user name:word --cookie 'a=1; b=2' --referer "$url/" --time-cond '1 Jan 2020' \
        "$url/plaintext"
    answered 0 200 "$hello"
    ok

    check curl '--fail-with-body: 404'
    ask --fail-with-body "$url/nothing"
    answered 22 404
    error 'there is nothing at this path'
    ok
}

bodies() {
    head -c 300000 /dev/urandom >"$scratch/body"
    # One byte more than --body-max is by default.
    head -c $(((1 << 20) + 1)) /dev/zero >"$scratch/large"

    check curl '--data-binary with Expect: 100-continue'
    ask -H 'Expect: 100-continue' --data-binary "@$scratch/body" "$url/zero-copy"
    answered 0 200
    same 'first line' 'HTTP/1.1 100 Continue' "$(head -n 1 "$scratch/head" | tr -d '\r')"
    taken "$scratch/body"
    ok

    check curl '--data-binary with Expect, too large: 413 and nothing is sent'
    ask -H 'Expect: 100-continue' --data-binary "@$scratch/large" "$url/zero-copy"
    answered 0 413
    same 'first line' 'HTTP/1.1 413 Content Too Large' "$(head -n 1 "$scratch/head" | tr -d '\r')"
    error '--body-max'
    same 'bytes of the body sent' 0 "$(told uploaded)"
    field Connection close
    ok

    check curl '--data-binary without Expect, too large: 413 arrives'
    ask -H 'Expect:' --data-binary "@$scratch/large" "$url/zero-copy"
    answered 0 413
    error '--body-max'
    ok

    check curl '-T - to POST: chunked, the CRC is that computed here'
    ask -T - -X POST "$url/zero-copy" <"$scratch/body"
    answered 0 200
    taken "$scratch/body"
    ok

    check curl '-T - with what never ends: 413 at --body-max'
    ask -T - -X POST -H 'Expect:' "$url/zero-copy" < <(head -c $((64 << 20)) /dev/zero)
    answered 0 413
    field Connection close
    ok

    check curl '-T - as PUT: 405 in place of 100'
    ask -T - "$url/zero-copy" <"$scratch/body"
    answered 0 405
    field Allow 'POST, OPTIONS'
    field Connection close
    ok

    check curl '--form, a file among fields'
    ask --form "file=@$scratch/body" --form word=x "$url/zero-copy"
    answered 0 200
    same 'more than the file' true "$(jq '.input_size > 300000' "$scratch/content")"
    ok

    check curl "--data '', a POST without a body"
    ask --data '' "$url/zero-copy"
    answered 0 200
    same input_size 0 "$(jq .input_size "$scratch/content")"
    ok

    check curl '--get --data-urlencode'
    ask --get --data-urlencode 'wait_us=0' --data-urlencode 'work=10' "$url/benchmark"
    answered 0 200
    same wait_us 0 "$(jq .wait_us "$scratch/content")"
    ok

    check curl '--limit-rate of an upload'
    ask --limit-rate 200k --data-binary "@$scratch/body" "$url/zero-copy"
    answered 0 200
    taken "$scratch/body"
    ok
}

# What curl does with a connection.
transfers() {
    ask -H 'Accept: text/html' "$url/"
    cp "$scratch/content" "$scratch/page"
    field Content-Length "$(stat -c %s "$scratch/page")"

    check curl '--limit-rate of an answer'
    ask --limit-rate 4k -H 'Accept: text/html' "$url/"
    answered 0 200 "$(<"$scratch/page")"
    ok

    local option
    for option in --tcp-nodelay --no-tcp-nodelay --no-keepalive --tcp-fastopen --raw -N \
        --ignore-content-length; do
        check curl "$option"
        # With the last one curl reads until the connection is closed, so it must ask for that.
        ask "$option" -H 'Connection: close' "$url/plaintext"
        answered 0 200 "$hello"
        field Connection close
        ok
    done

    check curl '--max-filesize: curl leaves, the next is served'
    ask --max-filesize 5 "$url/plaintext"
    answered 63 200 ''
    ask "$url/plaintext"
    answered 0 200 "$hello"
    ok

    check curl '--max-time: curl leaves in the middle of a wait'
    ask --max-time 0.2 "$url/benchmark?wait_us=3000000"
    answered 28 000 ''
    ask "$url/plaintext"
    answered 0 200 "$hello"
    ok

    check curl 'several URLs over one connection, errors among them'
    ask "$url/plaintext" "$url/nothing" "$url/benchmark?wait_us=5000" "$url/plaintext"
    answered 0 '200 404 200 200'
    same 'connections, as curl counts them' '1 0 0 0' "$(told connects)"
    opened 1
    ok

    check curl 'a hundred URLs over one connection'
    ask "$url/plaintext?[1-100]"
    same content "$(printf "$hello%.0s" {1..100})" "$(<"$scratch/content")"
    opened 1
    ok

    check curl '-Z: sixty at once, in parallel'
    ask -Z --parallel-immediate --parallel-max 60 "$url/benchmark?wait_us=[1000001-1000060]"
    same statuses "$(printf '200 %.0s' {1..60})" "$(told status) "
    same 'answers' 60 "$(jq -s 'map(select(.waited_us >= 1000000)) | length' "$scratch/content")"
    opened 60
    ok
}

# A file, parts of it, and what a client knows of it already.
files() {
    local whole=$scratch/whole part=$scratch/part range first last
    check curl '-r: ranges of a file'
    ask "$url/files/medium.txt"
    answered 0 200
    field Accept-Ranges bytes
    cp "$scratch/content" "$whole"
    same 'bytes of the file' 65536 "$(stat -c %s "$whole")"
    for range in 0-0 0-99 100- -100 65000-70000; do
        ask -r "$range" "$url/files/medium.txt"
        answered 0 206
        range=$(sed -n 's/^Content-Range: bytes \(.*\)\/65536\r$/\1/p' "$scratch/head")
        first=${range%-*} last=${range#*-}
        # In this order both read to their end: who is left by the next of a pipe fails it.
        head -c $((last + 1)) "$whole" | tail -c $((last - first + 1)) >"$part"
        same "bytes $range" "$(md5sum <"$part")" "$(md5sum <"$scratch/content")"
    done
    opened 6
    ok

    check curl '-r behind the end: 416; several ranges: the whole'
    ask -r 70000- "$url/files/medium.txt"
    answered 0 416
    field Content-Range 'bytes */65536'
    ask -r 0-1,5-6 "$url/files/medium.txt"
    answered 0 200
    ok

    check curl '-C -: a download goes on where it broke off'
    head -c 1000 "$whole" >"$part"
    ask -C - -o "$part" "$url/files/medium.txt"
    answered 0 206
    same 'the file' "$(md5sum <"$whole")" "$(md5sum <"$part")"
    ok

    check curl '-z, --etag-compare: what is known is not sent again'
    ask -z "$(sed -n 's/^Last-Modified: \(.*\)\r$/\1/p' "$scratch/head")" "$url/files/medium.txt"
    answered 0 304 ''
    ask --etag-save "$scratch/etag" -o /dev/null "$url/files/medium.txt"
    ask --etag-compare "$scratch/etag" "$url/files/medium.txt"
    answered 0 304 ''
    ok

    if command -v wget >/dev/null; then
        check wget '-c: a download goes on where it broke off'
        (cd "$scratch" && head -c 1000 whole >medium.txt && wget -q -c "$url/files/medium.txt")
        same 'the file' "$(md5sum <"$whole")" "$(md5sum <"$scratch/medium.txt")"
        ok
    fi
}

# A connection that the server closed meanwhile, which a client finds out when it wants it again.
idle_connections() {
    check curl '--rate: the idle connection is gone, a new one is taken'
    ask --rate 60/m "$url/plaintext" "$url/plaintext"
    answered 0 '200 200' "$hello$hello"
    opened 2
    ok
}
