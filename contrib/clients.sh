#!/usr/bin/env bash
# The clients in wide use, each of which must be served as it expects: curl with its odd options,
# Node, Python, Go, Java, a browser, ab, h2load, wrk and slowhttptest, against a server on a free
# port. A line for each check; ends at the first thing that is wrong, with what was expected and
# what came. Takes two minutes, one of which is slowhttptest's.
#
#   contrib/clients.sh [--installed] [SERVER]
#
# SERVER is a server binary (default target/release/barewire, which is built first). A client that
# is missing ends it before anything is run; with --installed the others are run, and the last lines
# say which were not. The programs are in contrib/clients/. Needs curl and jq.
#
# Connections are counted by the server (`accepted` in /stats), not by what a client says of itself.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=contrib/lib.sh
source contrib/lib.sh

only_installed=
if [[ ${1:-} == --installed ]]; then
    only_installed=yes
    shift
fi
server=${1:-target/release/barewire}
scratch=$(mktemp -d)
server_pid=
client_pid=
leave_nothing() {
    local pid
    for pid in $server_pid $client_pid; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap leave_nothing EXIT

hello='Hello, World!'
limit=$((1 << 20)) # --body-max, as it is by default

# has PROGRAM: whether it is to be run.
missing=()
has() { [[ " ${missing[*]} " != *" $1 "* ]]; }

declare -A packages=([curl]=curl [jq]=jq [node]=nodejs [python3]=python3 [go]=golang-go
    [java]=default-jdk [chromium]=chromium [ab]=apache2-utils [h2load]=nghttp2-client [wrk]=wrk
    [slowhttptest]=slowhttptest)
for program in curl jq node python3 go java chromium ab h2load wrk slowhttptest; do
    command -v "$program" >/dev/null || missing+=("$program")
done
if [[ ${#missing[@]} -gt 0 ]] && ! { [[ -n $only_installed ]] && has curl && has jq; }; then
    echo "missing: ${missing[*]}" >&2
    echo "apt-get install$(for program in "${missing[@]}"; do printf ' %s' "${packages[$program]}"; done)" >&2
    [[ -n $only_installed ]] || echo "or --installed, to go on without them (curl and jq are needed)" >&2
    exit 2
fi

# check CLIENT WHAT: begins a check, and counts connections from here.
check() {
    client=$1 what=$2
    accepted_before=$(figure '[.reactors[].accepted] | add')
}

# ok: the check is passed.
ok() { printf '%-13s %-66s ok\n' "$client" "$what"; }

# same OF EXPECTED GOT: ends the script if they differ.
same() {
    [[ $2 == "$3" ]] && return
    printf '%-13s %-66s FAILED\n' "$client" "$what" >&2
    printf '%s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3" >&2
    exit 1
}

# figure FILTER: a figure of /stats, by jq. It costs a connection.
figure() { curl -q -sS --max-time 20 "$url/stats" | jq "$1"; }

# opened EXPECTED: connections since `check`, without that of the question.
opened() { same 'connections opened' "$1" $(($(figure '[.reactors[].accepted] | add') - accepted_before - 1)); }

# ask ARGUMENTS...: runs curl. Its exit code is $code, what it wrote is in $scratch/content.
ask() {
    code=0
    curl -q -sS --max-time 20 --dump-header "$scratch/head" --write-out '%{stderr}
version=%{http_version}
status=%{http_code}
connects=%{num_connects}
uploaded=%{size_upload}
tunnel=%{http_connect}
' "$@" >"$scratch/content" 2>"$scratch/told" || code=$?
}

# told NAME: what curl says of its transfers, one word for each.
told() { sed -n "s/^$1=//p" "$scratch/told" | xargs; }

# answered CODE STATUS [CONTENT]: curl's exit code, the status (of each transfer), what it wrote.
answered() {
    same "curl's exit code ($(grep '^curl:' "$scratch/told" || true))" "$1" "$code"
    same status "$2" "$(told status)"
    [[ $# -lt 3 ]] || same content "$3" "$(<"$scratch/content")"
}

# field NAME EXPECTED: the answer's field, in the letters the server writes; empty if there is none.
field() { same "field $1" "$2" "$(sed -n "s/^$1: \(.*\)\r\$/\1/p" "$scratch/head")"; }

# error EXPECTED: words of the JSON error.
error() {
    local said
    said=$(jq -r .error "$scratch/content")
    same 'words of the error' "$1" "$(grep -o -- "$1" <<<"$said" || echo "$said")"
}

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
    same 'last Connection field' keep-alive "$(sed -n 's/^Connection: \(.*\)\r$/\1/p' "$scratch/head" | tail -n 1)"
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

    # curl does not show the answer, which is no frame: the server counts it, and client.py reads it.
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
    ask -I "$url/plaintext" --next -q -sS --max-time 20 --write-out '%{stderr}status=%{http_code}\n' \
        "$url/plaintext"
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
    error 'request line'
    field Connection close
    ok

    check curl '--trace-ascii: fields in odd letters are understood'
    ask --trace-ascii "$scratch/trace" -H 'aCCePt: TEXT/HTML' -H 'cONNECTION: CLOSE' "$url/"
    answered 0 200
    same 'curl sent them as given' 2 "$(grep -cE 'aCCePt: TEXT/HTML|cONNECTION: CLOSE' "$scratch/trace")"
    field Content-Type 'text/html; charset=utf-8'
    field Connection close
    same 'fields received, in the usual letters' \
        'Connection Content-Length Content-Type Date Server Vary' \
        "$(sed -n '/Recv header/,$ s/^0000: \([A-Z][A-Za-z-]*\): .*/\1/p' "$scratch/trace" | sort | xargs)"
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
    ask --user name:word --cookie 'a=1; b=2' --referer "$url/" --time-cond '1 Jan 2020' "$url/plaintext"
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
    head -c $((limit + 1)) /dev/zero >"$scratch/large"

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

    check curl '-T FILE, Transfer-Encoding: chunked, --http1.0: 400'
    ask --http1.0 -H 'Transfer-Encoding: chunked' -H 'Expect:' --data-binary hello "$url/zero-copy"
    same 'refused, by curl itself or by the server' yes \
        "$([[ $code -eq 25 || $(told status) == 400 ]] && echo yes || echo "code $code, status $(told status)")"
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
    for option in --tcp-nodelay --no-tcp-nodelay --no-keepalive --tcp-fastopen --raw -N --ignore-content-length; do
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
    ask -Z --parallel-immediate --parallel-max 60 "$url/benchmark?wait_us=200000&[1-60]"
    same statuses "$(printf '200 %.0s' {1..60})" "$(told status) "
    same 'answers' 60 "$(jq -s 'map(select(.waited_us >= 200000)) | length' "$scratch/content")"
    opened 60
    ok
}

# run_program CLIENT COMMAND...: a program that prints a line for each check that it has passed.
run_program() {
    client=$1
    shift
    timeout 120 "$@" | while read -r what; do ok; done || {
        echo "$client FAILED: $*" >&2
        exit 1
    }
}

browser() {
    # Its complaints are about the desktop that is not there.
    dom() {
        timeout 60 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$scratch/profile" \
            --dump-dom "$1" >"$scratch/dom" 2>"$scratch/chromium.err" || {
            tail -n 20 "$scratch/chromium.err" >&2
            same "chromium's exit code" 0 "$?"
        }
    }
    local before path
    before=$(figure '.refusals | add')

    check chromium '/ lists every route'
    dom "$url/"
    while read -r path; do
        same "route in the page" "$path" "$(grep -oF -m 1 ">$path<" "$scratch/dom" | tr -d '<>')"
    done < <(curl -q -sS "$url/" | sed -nE 's/^(GET|POST) +([^ ]+) .*/\2/p')
    ok

    check chromium '/json'
    dom "$url/json"
    same 'text of the page' '{"message":"Hello, World!"}' "$(grep -oE '\{"message":[^}]*\}' "$scratch/dom")"
    ok

    check chromium '/benchmark'
    dom "$url/benchmark?work=1000"
    same 'result on the page' '"result":999000' "$(grep -oE '"result":[0-9]+' "$scratch/dom")"
    ok

    check chromium 'nothing was refused'
    same refusals "$before" "$(figure '.refusals | add')"
    ok
}

# ab speaks HTTP/1.0, and waits for ever if keep-alive is not confirmed.
ab_load() {
    local option
    for option in '' -k; do
        check ab "${option:-without -k}, 5,000 requests, 50 at once"
        timeout 60 ab -q ${option:+"$option"} -n 5000 -c 50 "$url/plaintext" >"$scratch/ab" 2>&1 ||
            same "ab's exit code" 0 "$? $(tail -n 3 "$scratch/ab")"
        same 'complete, failed' '5000 0' \
            "$(sed -nE 's/^(Complete|Failed) requests: +//p' "$scratch/ab" | xargs)"
        same 'Non-2xx' '' "$(grep -i 'non-2xx' "$scratch/ab" || true)"
        if [[ -n $option ]]; then
            same 'kept alive' 5000 "$(sed -n 's/^Keep-Alive requests: *//p' "$scratch/ab")"
            opened 50
        fi
        ok
    done
}

h2load_load() {
    local depth
    for depth in 1 16; do
        check h2load "--h1 -m $depth, 20,000 requests over 50 connections"
        timeout 60 h2load --h1 -n 20000 -c 50 -m "$depth" "$url/plaintext" >"$scratch/h2load" 2>&1 ||
            same "h2load's exit code" 0 "$?"
        same 'requests' '20000 succeeded, 0 failed, 0 errored, 0 timeout' \
            "$(grep -oE '[0-9]+ succeeded.*' "$scratch/h2load")"
        same 'status codes' '20000 2xx, 0 3xx, 0 4xx, 0 5xx' \
            "$(sed -n 's/^status codes: //p' "$scratch/h2load")"
        opened 50
        ok
    done
}

wrk_load() {
    local path
    for path in /plaintext /json /benchmark; do
        check wrk "64 connections, 2 s, $path"
        timeout 60 wrk -t2 -c64 -d2s "$url$path" >"$scratch/wrk"
        same 'socket errors, non-2xx' '' "$(grep -E 'Socket errors|Non-2xx' "$scratch/wrk" || true)"
        same 'requests' yes "$(awk '/requests in/ { print $1 > 0 ? "yes" : "none" }' "$scratch/wrk")"
        ok
    done
}

# attack WHAT ARGUMENTS...: slowhttptest with 200 connections for 15 seconds; a curl twice a second
# must be answered, and slowhttptest's own probes too.
attack() {
    local what=$1 answers=0
    shift
    check slowhttptest "$what"
    timeout 60 slowhttptest -c 200 -r 200 -l 15 -p 5 "$@" >"$scratch/attack" 2>&1 &
    client_pid=$!
    while kill -0 "$client_pid" 2>/dev/null; do
        ask --max-time 5 "$url/plaintext"
        answered 0 200 "$hello"
        answers=$((answers + 1))
        sleep 0.5
    done
    # Its exit code says nothing: 0 and 1 both mean that it came to an end.
    wait "$client_pid" || true
    client_pid=
    sed -i 's/\x1b\[[0-9;]*[A-Za-z]//g' "$scratch/attack"
    same 'service available, as it reports' YES \
        "$(sed -nE 's/^service available: +//p' "$scratch/attack" | sort -u | xargs)"
    same 'how it ended is one of two' yes \
        "$(sed -nE 's/^Exit status: *(No open connections left|Hit test time limit)$/yes/p' "$scratch/attack")"
    same 'answered meanwhile' yes "$([[ $answers -gt 0 ]] && echo yes || echo no)"
}

attacks() {
    local before
    before=$(figure .refusals.head_timeout)
    attack '-H, slowloris: 200 heads are cut off with 408' -H -i 3 -u "$url/"
    same 'refusals by --head-timeout' $((before + 200)) "$(figure .refusals.head_timeout)"
    ok

    before=$(figure .refusals.body_timeout)
    attack '-B, slow bodies: 200 are cut off with 408' -B -i 3 -s 8192 -x 10 -u "$url/zero-copy"
    same 'refusals by --body-rate-after' $((before + 200)) "$(figure .refusals.body_timeout)"
    ok

    before=$(figure '[.reactors[].status["2xx"]] | add')
    attack '-R, two thousand ranges in a field: ignored, 200' -R -u "$url/"
    same 'at least 200 answers' true "$(figure "([.reactors[].status[\"2xx\"]] | add) >= $before + 200")"
    ok

    attack '-X, slow readers, as the server is by default' -X -w 1 -y 2 -n 1 -z 1 -k 10 -u "$url/"
    ok
}

# With the kernel's own send buffers, what a slow reader is owed all fits into them: here it does not.
attack_on_small_buffers() {
    attack '-X, slow readers that the kernel has no room for: cut off' \
        -X -w 1 -y 2 -n 1 -z 1 -k 10 -u "$url/"
    same 'refusals by --write-timeout' 200 "$(figure .refusals.slow_reader)"
    ok
}

# A connection that the server closed meanwhile, which a client finds out when it wants it again.
idle_connections() {
    check curl '--rate: the idle connection is gone, a new one is taken'
    ask --rate 60/m "$url/plaintext" "$url/plaintext"
    answered 0 '200 200' "$hello$hello"
    opened 2
    ok
}

# serve ARGUMENTS...: a server; sets url.
serve() {
    start "$scratch/log" "$server" --host 127.0.0.1 --port 0 "$@"
    url=http://$server_address
}

# leave: every connection and buffer is given back, nothing panicked, SIGTERM ends it with code 0.
leave() {
    check server 'all is given back, and SIGTERM ends it with exit code 0'
    local attempts=0 code=0 left='[.connections, .panics, ([.reactors[].buffer_bytes] | add)] == [1, 0, 0]'
    # A connection lingers for 2 s (--lingering-silence) after its last answer.
    until [[ $(figure "$left") == true ]] || ((++attempts > 100)); do sleep 0.1; done
    same 'connections, panics, bytes in buffers' '[1,0,0]' \
        "$(figure '[.connections, .panics, ([.reactors[].buffer_bytes] | add)] | tojson' | jq -r .)"
    kill -TERM "$server_pid"
    wait "$server_pid" || code=$?
    server_pid=
    same 'exit code' 0 "$code"
    ok
}

[[ $# -gt 0 ]] || cargo build --quiet --release
announce

serve
versions_of_http
methods_and_targets
fields
bodies
transfers
if has node; then run_program node node contrib/clients/fetch.mjs "$server_address"; fi
if has python3; then run_program python python3 contrib/clients/client.py "$server_address"; fi
if has go; then
    timeout 300 go build -o "$scratch/go-client" contrib/clients/client.go
    run_program go "$scratch/go-client" "$server_address"
fi
if has java; then run_program java java contrib/clients/Client.java "$server_address"; fi
if has chromium; then browser; fi
if has ab; then ab_load; fi
if has h2load; then h2load_load; fi
if has wrk; then wrk_load; fi
if has slowhttptest; then attacks; fi
leave

serve --idle-timeout 300ms --send-buffer 4KiB --write-timeout 4s
idle_connections
if has slowhttptest; then attack_on_small_buffers; fi
leave

for program in "${missing[@]}"; do
    echo "not run: $program is not installed (apt-get install ${packages[$program]})"
done
