# Sourced by contrib/clients.sh: a browser, the load generators, and slowhttptest's attacks.
# shellcheck shell=bash
# shellcheck disable=SC2154 # scratch, url and hello are set there.

browser() {
    # Its complaints are about the desktop that is not there.
    dom() {
        timeout 60 chromium --headless --no-sandbox --disable-gpu \
            --user-data-dir="$scratch/profile" --dump-dom "$1" \
            >"$scratch/dom" 2>"$scratch/chromium.err" ||
            same "chromium's exit code" 0 "$? $(tail -n 20 "$scratch/chromium.err")"
    }
    local before path
    before=$(figure '.refusals | del(.idle) | add')

    check chromium '/ lists every route'
    dom "$url/"
    while read -r path; do
        same "route in the page" "$path" "$(grep -oF -m 1 ">$path<" "$scratch/dom" | tr -d '<>')"
    done < <(curl -q -sS "$url/" | sed -nE 's/^(GET|POST) +([^ ]+) .*/\2/p')
    ok

    check chromium '/json'
    dom "$url/json"
    same 'text of the page' '{"message":"Hello, World!"}' \
        "$(grep -oE '\{"message":[^}]*\}' "$scratch/dom")"
    ok

    check chromium '/benchmark'
    dom "$url/benchmark?work=1000"
    same 'result on the page' '"result":999000' "$(grep -oE '"result":[0-9]+' "$scratch/dom")"
    ok

    check chromium 'nothing was refused'
    same refusals "$before" "$(figure '.refusals | del(.idle) | add')"
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
        timeout 60 h2load --h1 -n 20000 -c 50 -m "$depth" "$url/plaintext" \
            >"$scratch/h2load" 2>&1 || same "h2load's exit code" 0 "$?"
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
        timeout 60 wrk -t2 -c64 -d2s "$url$path" >"$scratch/wrk" || same "wrk's exit code" 0 "$?"
        same 'socket errors, non-2xx' '' "$(grep -E 'Socket errors|Non-2xx' "$scratch/wrk" || true)"
        same 'requests, at least one' yes \
            "$(awk '/requests in/ { print ($1 > 0 ? "yes" : "none") }' "$scratch/wrk")"
        ok
    done
}

# attack WHAT ARGUMENTS...: slowhttptest with 200 connections for 15 seconds; a curl twice a second
# must be answered, and slowhttptest's own probes too.
attack() {
    local title=$1 answers=0
    shift
    check slowhttptest "$title"
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
    same 'it came to its end' yes "$(sed -nE \
        's/^Exit status: *(No open connections left|Hit test time limit)$/yes/p' "$scratch/attack")"
    same 'answered meanwhile, once at least' yes "$( ((answers > 0)) && echo yes)"
}

attacks() {
    local before
    before=$(figure .refusals.head_timeout)
    attack '-H, slowloris: 200 are cut off' -H -i 3 -u "$url/"
    same 'refusals by --head-timeout' $((before + 200)) "$(figure .refusals.head_timeout)"
    ok

    before=$(figure .refusals.body_timeout)
    attack '-B, slow bodies: 200 are cut off' -B -i 3 -s 8192 -x 10 -u "$url/zero-copy"
    same 'refusals by --body-rate-span' $((before + 200)) "$(figure .refusals.body_timeout)"
    ok

    before=$(figure '[.reactors[].status["2xx"]] | add')
    attack '-R, two thousand ranges in a field: ignored, 200' -R -u "$url/"
    same 'at least 200 answers' true \
        "$(figure "([.reactors[].status[\"2xx\"]] | add) >= $before + 200")"
    ok

    attack '-X, slow readers, as the server is by default' -X -w 1 -y 2 -n 1 -z 1 -k 10 -u "$url/"
    ok
}

# What slowhttptest can make the server owe fits into the kernel's usual send buffer. Here it does
# not.
attack_on_small_buffers() {
    attack '-X, slow readers that the kernel has no room for: cut off' \
        -X -w 1 -y 2 -n 1 -z 1 -k 10 -u "$url/"
    same 'refusals by --write-timeout' 200 "$(figure .refusals.slow_reader)"
    ok
}
