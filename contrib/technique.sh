#!/usr/bin/env bash
# What a technique is worth: the server with it and without it, one worker, 64 connections.
#
#   contrib/technique.sh NAME...        (names as in `barewire techniques`; `all` for every switch,
#                                        `naive` for what --naive takes away)
#
# For each NAME two kinds of figure, one request at a time and pipelined x16:
#   - what the server's own accounts say a request costs: calls, EAGAINs, timers, bytes copied,
#     allocations (GET /accounts before and after a run of 64,000 requests);
#   - instructions in user space for a request, by callgrind, where valgrind is there: the
#     difference of two runs of 1,600 and 9,600 requests over one connection.
# What it is worth in CPU time is told by `barewire demo` and `barewire-lab ablate`. From the
# environment: SERVER (target/release/barewire, which is built first).
#
# The row of a technique says what it takes to do without. A technique that is off by default is put
# in instead. The first row is the server as it is, the second shows what flags cost: instructions
# are to be compared with those of the second.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=contrib/lib.sh
source contrib/lib.sh

[[ $# -gt 0 ]] || { sed -n '2,/^set /p' "$0" | grep '^#' | cut -c3-; exit 2; }
server=${SERVER:-target/release/barewire}
load_core=(taskset -c "$(($(nproc) > 1 ? 1 : 0))")
scratch=$(mktemp -d)
server_pid=
trap 'if [[ -n $server_pid ]]; then kill "$server_pid"; fi; rm -rf "$scratch"' EXIT

printf 'GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' >"$scratch/plaintext"
printf 'GET /json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n' >"$scratch/json"

# load_as PATH ARGUMENTS...: the generator, asking for PATH.
load_as() {
    local path=$1 body='Hello, World!'
    shift
    [[ $path == plaintext ]] || body='{"message":"Hello, World!"}'
    "${load_core[@]}" target/release/barewire-lab load --json "$server_address" \
        --request "$scratch/$path" --body "$body" "$@"
}

# variant: the arguments that take NAME out, or put it in if it is off by default.
variant() {
    case $1 in
    naive) echo --naive ;;
    *) "$server" techniques --json | jq -r --arg name "$1" '
        .[] | select(.name == $name and .group != "build")
        | if .default == .off then "--with " + .name else "--without " + .name end' ;;
    esac
}

# counts PATH DEPTH ARGUMENTS...: a line of JSON, costs of a request by the server's accounts.
counts() {
    local path=$1 depth=$2
    shift 2
    start "$scratch/log" "$server" --workers 1 --port 0 "$@"
    load_as "$path" --connections 64 --requests 6400 --pipeline "$depth" >/dev/null
    curl -sS "http://$server_address/accounts" >"$scratch/before"
    load_as "$path" --connections 64 --requests 64000 --pipeline "$depth" >/dev/null
    curl -sS "http://$server_address/accounts" >"$scratch/after"
    stop
    jq -c --slurpfile before "$scratch/before" --argjson requests 64000 '
        def total($per_request): .requests * ($per_request // 0);
        def costs: .since_start.all | {
            recv: .system_calls.recv, send: .system_calls.send,
            epoll_wait: .system_calls.epoll_wait, epoll_ctl: .system_calls.epoll_ctl,
            eagains: (.eagains | add),
            timers_set: total(.timers_set_per_request),
            bytes_copied: total(.bytes_copied_per_request.all),
            allocations: total(.allocations_per_request.all) };
        ($before[0] | costs) as $earlier | costs
        | with_entries(.value = ((.value - $earlier[.key]) / $requests * 100 | round / 100))
    ' "$scratch/after"
}

# instructions PATH DEPTH ARGUMENTS...: of a request.
instructions() {
    local path=$1 depth=$2 requests totals=()
    shift 2
    for requests in 1600 9600; do
        start "$scratch/log" valgrind --quiet --tool=callgrind \
            --callgrind-out-file="$scratch/callgrind" "$server" --workers 1 --port 0 "$@"
        load_as "$path" --connections 1 --requests "$requests" --pipeline "$depth" >/dev/null
        stop
        totals+=("$(awk '$1 == "totals:" { print $2 }' "$scratch/callgrind")")
    done
    echo $(((totals[1] - totals[0]) / 8000))
}

# row NAME PATH DEPTH ARGUMENTS...
row() {
    local name=$1 path=$2 depth=$3
    shift 3
    printf '%s, /%s x%s: %s\n' "$name" "$path" "$depth" "${*:-(the server against itself)}"
    printf '  costs by the accounts  %s\n' "$(counts "$path" "$depth" "$@")"
    if command -v valgrind >/dev/null; then
        printf '  instructions           %s\n' "$(instructions "$path" "$depth" "$@")"
    fi
}

[[ -n ${SERVER:-} ]] || cargo build --quiet --release
cargo build --quiet --release --workspace --bin barewire-lab
announce
names=()
for name in "$@"; do
    if [[ $name == all ]]; then
        mapfile -t -O ${#names[@]} names < <("$server" techniques --json |
            jq -r '.[] | select(.group != "build" and (.demonstration | not)) | .name')
    else
        names+=("$name")
    fi
done
for path in plaintext json; do
    [[ $path == plaintext || " ${names[*]} " == *" json-in-place "* ]] || continue
    for depth in 1 16; do
        row 'as it is' "$path" "$depth"
        # The usual set of techniques is constants; any other is flags, which cost a little
        # themselves. This one differs in nothing that a request meets.
        row 'as it is, by flags' "$path" "$depth" --with accept-batches=63
    done
done
for name in "${names[@]}"; do
    read -ra arguments <<<"$(variant "$name")"
    if [[ ${#arguments[@]} -eq 0 ]]; then
        echo "$name is no switch; \`barewire techniques\` lists them" >&2
        exit 2
    fi
    path=plaintext
    [[ $name != json-in-place ]] || path=json
    for depth in 1 16; do row "$name" "$path" "$depth" "${arguments[@]}"; done
done
