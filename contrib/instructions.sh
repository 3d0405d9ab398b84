#!/usr/bin/env bash
# Instructions in user space for one keep-alive GET of /plaintext, by callgrind: the difference of
# two runs of 1,024 and 3,072 requests over one connection, divided by 2,048. Start and end of the
# process cancel out. The figure does not depend on the load of the machine, and repeats to within a
# few instructions.
#
#   contrib/instructions.sh [SERVER [limits]]
#
# SERVER is a server binary (default target/release/barewire); with `limits` the canned loops are
# counted too (default if no SERVER is given). From the environment: SERVER_ARGUMENTS (default
# `--workers 1 --port 0`); REQUESTS, files with a request each (benches/requests/*.http), or a .mix:
# paths to ask for, drawn by chance, for the server alone;
# LOAD_ARGUMENTS, such as `--reconnect`. Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=contrib/lib.sh
source contrib/lib.sh

server=${1:-target/release/barewire}
limits=${2-}
[[ $# -gt 0 ]] || limits=limits
read -ra arguments <<<"${SERVER_ARGUMENTS:---workers 1 --port 0}"
read -ra load_arguments <<<"${LOAD_ARGUMENTS-}"
read -ra files <<<"${REQUESTS:-$(echo benches/requests/request-{short,browser}.http)}"
scratch=$(mktemp -d)
server_pid=
trap 'if [[ -n $server_pid ]]; then kill "$server_pid"; fi; rm -rf "$scratch"' EXIT

# total REQUESTS FILE COMMAND...: instructions of a whole run.
total() {
    local requests=$1 request=$2 kind=--request
    [[ $request != *.mix ]] || kind=--mix
    shift 2
    rm -f "$scratch/callgrind.out"
    start "$scratch/log" valgrind --quiet --tool=callgrind \
        --callgrind-out-file="$scratch/callgrind.out" "$@"
    target/release/barewire-lab load "$server_address" --json --requests "$requests" \
        "$kind" "$request" --body 'Hello, World!' "${load_arguments[@]}" >"$scratch/load"
    stop
    awk '$1 == "totals:" { print $2 }' "$scratch/callgrind.out"
}

# row NAME FILE COMMAND...: one line of the table.
row() {
    local name=$1 request=$2 few many
    shift 2
    few=$(total 1024 "$request" "$@")
    many=$(total 3072 "$request" "$@")
    printf '%-24s %-22s %8d\n' "$name" "$(basename "$request")" $(((many - few) / 2048))
}

[[ $# -gt 0 ]] || cargo build --quiet --release
cargo build --quiet --release --workspace --bin canned --bin barewire-lab
announce
echo "command: valgrind --tool=callgrind $server ${arguments[*]}; barewire-lab load ADDRESS --requests 1024 and 3072 --request FILE${LOAD_ARGUMENTS:+ $LOAD_ARGUMENTS}"
printf '%-24s %-22s %8s\n' server request instructions
for request in "${files[@]}"; do
    row "$(basename "$server")" "$request" "$server" "${arguments[@]}"
    [[ $limits == limits && $request != *.mix ]] || continue
    for level in 0 1 2; do
        row "canned, level $level" "$request" target/release/canned \
            --level "$level" --request-bytes "$(stat -c %s "$request")"
    done
done
