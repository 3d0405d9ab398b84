#!/usr/bin/env bash
# Two instances behind HAProxy, restarted one after the other under load: no request may fail.
#
#   contrib/haproxy.sh [SERVER]
#
# SERVER is a server binary (default target/release/barewire, which is built first; the lab's load
# generator is taken from the same folder). From the environment: RATE (1000), requests a second
# that only ask, a tenth as many carry a body; SERVER_ARGUMENTS (`--drain-delay 2s --drain-idle
# 3s`). Needs haproxy, curl, jq and python3.
#
# For each instance: SIGTERM; HAProxy must see it down while it still serves; it must end with exit
# code 0; a new one takes its port; HAProxy must see it up. In the end the loads must have lost
# nothing, and HAProxy must have no error and no answer but 2xx in its statistics.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=contrib/lib.sh
source contrib/lib.sh

server=${1:-target/release/barewire}
rate=${RATE:-1000}
read -ra arguments <<<"${SERVER_ARGUMENTS:---drain-delay 2s --drain-idle 3s}"
# The whole of it is over by then.
seconds=20
for tool in haproxy curl jq python3; do
    if ! command -v "$tool" >/dev/null; then
        echo "$tool is missing: apt-get install $tool" >&2
        exit 1
    fi
done
[[ $# -gt 0 ]] || cargo build --quiet --release --workspace --bins
lab=$(dirname "$server")/barewire-lab

scratch=$(mktemp -d)
declare -A pids=()
end() {
    local pid
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$scratch"
}
trap end EXIT

# instance NAME PORT: starts one; its port is then in `port_of`.
declare -A port_of=()
instance() {
    start "$scratch/$1" "$server" --workers 1 --port "$2" "${arguments[@]}"
    pids[$1]=$server_pid
    port_of[$1]=${server_address##*:}
}

# statistics: HAProxy's, as a table with commas; empty while it starts.
statistics() {
    curl -s "http://127.0.0.1:$STATS_PORT/;csv" || true
}

# state NAME: what HAProxy thinks of it (UP, DOWN, and what it is about to think).
state() {
    statistics | awk -F, -v name="$1" '$1 == "barewire" && $2 == name { print $18 }'
}

# figure COLUMN: a number of the backend as a whole.
figure() {
    statistics | awk -F, -v wanted="$1" '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
        $1 == "barewire" && $2 == "BACKEND" { print $column[wanted] + 0 }'
}

# await NAME STATE: until HAProxy thinks so, for five seconds at the most.
await() {
    local attempts=0
    until [[ $(state "$1") == "$2"* ]]; do
        if ((++attempts > 100)); then
            echo "HAProxy does not see $1 $2, but $(state "$1")" >&2
            return 1
        fi
        sleep 0.05
    done
}

# restart NAME: the instance is exchanged for a new one on the same port.
restart() {
    local name=$1 pid=${pids[$1]} code=0
    kill -TERM "$pid"
    await "$name" DOWN
    if ! kill -0 "$pid" 2>/dev/null; then
        echo "$name had left before HAProxy saw it down" >&2
        return 1
    fi
    wait "$pid" || code=$?
    unset "pids[$name]"
    if [[ $code -ne 0 ]]; then
        echo "$name left with exit code $code" >&2
        return 1
    fi
    echo "restarted: $name; the old one: $(grep -m 1 'requests' "$scratch/$name.err" | sed 's/^ *//')"
    instance "$name" "${port_of[$name]}"
    await "$name" UP
}

announce
instance one 0
instance two 0
# Two ports that were free a moment ago: HAProxy does not tell which it has, if it is given 0.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
FRONT_PORT=$(free_port) STATS_PORT=$(free_port) PORT_ONE=${port_of[one]} PORT_TWO=${port_of[two]}
export FRONT_PORT STATS_PORT PORT_ONE PORT_TWO
haproxy -c -q -f contrib/haproxy/haproxy.cfg
haproxy -db -f contrib/haproxy/haproxy.cfg >"$scratch/haproxy" 2>&1 &
pids[haproxy]=$!
await one UP
await two UP

printf 'POST /zero-copy HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello' >"$scratch/post"
"$lab" load "127.0.0.1:$FRONT_PORT" --path /json=3 --path '/benchmark?wait_us=1000=1' --varying \
    --rate "$rate" --connections 32 --seconds "$seconds" --json >"$scratch/get.json" &
getting=$!
"$lab" load "127.0.0.1:$FRONT_PORT" --request "$scratch/post" --varying \
    --rate "$((rate / 10))" --connections 8 --seconds "$seconds" --json >"$scratch/post.json" &
posting=$!
sleep 2
restart one
sleep 1
restart two
failed=
wait "$getting" || failed=yes
wait "$posting" || failed=yes

jq -r '"\(input_filename | sub(".*/"; "") | sub(".json"; "")): \(.requests) answers, \(.errors) errors, \(.unsent) unsent, 99 % within \(.latency.p99_us / 1000 | round) ms"' \
    "$scratch/get.json" "$scratch/post.json"
[[ -z $failed ]] || { echo "the load lost requests" >&2; exit 1; }
for column in econ eresp hrsp_4xx hrsp_5xx; do
    if [[ $(figure "$column") -ne 0 ]]; then
        echo "HAProxy counts $(figure "$column") $column" >&2
        exit 1
    fi
done
echo "HAProxy: $(figure hrsp_2xx) answers 2xx, no other and no error; $(figure wretr) retries, $(figure wredis) redispatched"
sent=$(jq -s 'map(.requests) | add' "$scratch"/{get,post}.json)
# The load asks before it begins, to see what the answers are.
if (($(figure hrsp_2xx) < sent)); then
    echo "of $sent answers HAProxy knows only $(figure hrsp_2xx)" >&2
    exit 1
fi
