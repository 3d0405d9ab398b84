#!/usr/bin/env bash
# CPU time of the server for one GET of /plaintext, against the canned loop at its three levels: 64
# connections, one request at a time and pipelined x16, one worker.
#
#   contrib/measure.sh [SERVER]
#
# SERVER is a server binary (default target/release/barewire, which is built first). From the
# environment:
#   SERVER_ARGUMENTS  its arguments (default `--workers 1 --port 0`)
#   SECONDS_PER_BLOCK seconds measured in each block (2), after one of warm-up
#   PAIRS             pairs of each comparison (8, rounded up to an even number)
#   REQUEST           file with the request (benches/requests/request-short.http)
#
# A round runs server, levels 0 to 2, server, and the next round the same backwards, each block with
# a fresh process: a machine that slowly changes favours nobody. The ratio of the two server blocks
# of a round shows what noise there is. CPU time is the kernel's own (schedstat), user and system,
# and includes nothing of the client. A row is `client-bound` if the server was less than 95 % busy:
# the requests per second are then the client's. If neither was busy, others had the cores:
# `disturbed`. The CPU time per request still stands, with more noise: a server that falls asleep
# more often pays for more wake-ups.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=contrib/lib.sh
source contrib/lib.sh

server=${1:-target/release/barewire}
read -ra arguments <<<"${SERVER_ARGUMENTS:---workers 1 --port 0}"
block=${SECONDS_PER_BLOCK:-2}
rounds=$((${PAIRS:-8} + ${PAIRS:-8} % 2))
request=${REQUEST:-benches/requests/request-short.http}
canned=(target/release/canned --request-bytes "$(stat -c %s "$request")" --level)
load=(target/release/barewire-lab load --json --request "$request" --body 'Hello, World!'
    --connections 64 --warmup 1 --seconds "$block")

# The server has a core, and the generator another one, if there are two.
server_core=(taskset -c 0)
load_core=(taskset -c "$(($(nproc) > 1 ? 1 : 0))")

scratch=$(mktemp -d)
server_pid=
trap 'if [[ -n $server_pid ]]; then kill "$server_pid"; fi; rm -rf "$scratch"' EXIT

# command_of NAME: sets `command`.
command_of() {
    case $1 in
    server | again) command=("$server" "${arguments[@]}") ;;
    L*) command=("${canned[@]}" "${1#L}") ;;
    esac
}

# answer_of NAME: the answer to the request, without its Date.
answer_of() {
    command_of "$1"
    start "$scratch/log" "${command[@]}"
    curl -sS -i "http://$server_address/plaintext" | grep -v '^Date:' >"$scratch/answer.$1"
    stop
}

# block NAME DEPTH ROUND: one line of raw figures.
measure_block() {
    command_of "$1"
    start "$scratch/log" "${server_core[@]}" "${command[@]}"
    "${load_core[@]}" "${load[@]}" "$server_address" --pipeline "$2" --server-pid "$server_pid" >"$scratch/load"
    stop
    echo "$1 $2 $3 $(cat "$scratch/load")" >>"$scratch/blocks"
}

[[ $# -gt 0 ]] || cargo build --quiet --release
cargo build --quiet --release --workspace --bin canned --bin barewire-lab
announce
echo "server:  ${server_core[*]} $server ${arguments[*]}"
echo "limit:   ${server_core[*]} ${canned[*]} 0, 1, 2"
echo "load:    ${load_core[*]} ${load[*]} ADDRESS --pipeline 1, 16 --server-pid PID"

for name in server L0; do answer_of "$name"; done
if ! diff "$scratch/answer.server" "$scratch/answer.L0"; then
    echo "the two do not send the same bytes, so their times cannot be compared" >&2
    exit 1
fi

forwards=(server L0 L1 L2 again)
backwards=(again L2 L1 L0 server)
for ((round = 0; round < rounds; round++)); do
    order=("${forwards[@]}")
    ((round % 2 == 0)) || order=("${backwards[@]}")
    for depth in 1 16; do
        for name in "${order[@]}"; do measure_block "$name" "$depth" "$round"; done
    done
done

python3 - "$scratch/blocks" <<'PYTHON'
import collections, json, statistics, sys

blocks = collections.defaultdict(dict)
for line in open(sys.argv[1]):
    name, depth, number, figures = line.split(" ", 3)
    blocks[int(depth), name][int(number)] = json.loads(figures)

def column(depth, name, figure):
    return [row[figure] for _, row in sorted(blocks[depth, name].items())]

print(f"{'':22} {'CPU ns/request':>14} {'requests/s':>11} {'server busy':>11} {'load busy':>9}"
      f"   server divided by it, median (min to max)")
for depth in (1, 16):
    server = column(depth, "server", "server_cpu_ns_per_request")
    for name in ("server", "again", "L0", "L1", "L2"):
        cost = column(depth, name, "server_cpu_ns_per_request")
        busy, own = (min(column(depth, name, figure)) for figure in ("server_busy", "busy"))
        ratios = [a / b for a, b in zip(server, cost)]
        label = {"server": "server", "again": "server, again"}.get(name, f"canned, level {name[1]}")
        print(f"{label + ', x' + str(depth):22} {statistics.median(cost):14.0f}"
              f" {statistics.median(column(depth, name, 'requests_per_second')):11.0f}"
              f" {busy:11.0%} {own:9.0%}   {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
              f"{'' if busy >= 0.95 else '   client-bound' if own >= 0.95 else '   disturbed'}")
print("Busy is the least of all blocks. The blocks, as they were measured:")
print(open(sys.argv[1]).read(), end="")
PYTHON
