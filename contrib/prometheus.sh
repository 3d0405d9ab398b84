#!/usr/bin/env bash
# A real Prometheus scrapes two servers, with the configuration of contrib/prometheus: what it knows
# afterwards must be what was sent. Takes some 5 seconds, and gives up after 60.
#
#   contrib/prometheus.sh [SERVER]
#
# SERVER is a server binary (default target/release/barewire, which is built first). Needs curl, jq,
# and prometheus with promtool (Debian: `apt-get install prometheus`, which also starts one on port
# 9090; that one is left alone). From the environment: PROMETHEUS and PROMTOOL, if they are not on
# the path. All ports are free ones, and all data is in a directory that is removed.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=contrib/lib.sh
source contrib/lib.sh

server=${1:-target/release/barewire}
prometheus=${PROMETHEUS:-prometheus}
promtool=${PROMTOOL:-promtool}
for program in curl jq "$prometheus" "$promtool"; do
    command -v "$program" >/dev/null || { echo "$program is missing" >&2; exit 2; }
done

scratch=$(mktemp -d)
pids=()

# end: stops what was started. SIGKILL follows for who has not gone after 10 s.
end() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do timeout 10 tail --pid="$pid" -f /dev/null || kill -KILL "$pid"; done
    rm -rf "$scratch"
}
trap end EXIT

[[ $# -gt 0 ]] || cargo build --quiet --release --bin barewire
cargo build --quiet --release --workspace --bin barewire-lab
limit=$((SECONDS + 60))

# Of each server: how many requests of which route it is sent.
plain=(3000 2000)
strange=(7 11)
waiting=(20 30)

addresses=()
for number in 0 1; do
    start "$scratch/server$number" "$server" --port 0 --workers 2
    pids+=("$server_pid")
    addresses+=("$server_address")
done

cp contrib/prometheus/*.yml "$scratch"
sed -i "s/127.0.0.1:8080/${addresses[0]}/; s/127.0.0.1:8081/${addresses[1]}/; s/: 15s/: 1s/" "$scratch/prometheus.yml"
"$promtool" check config "$scratch/prometheus.yml"

"$prometheus" --config.file="$scratch/prometheus.yml" --storage.tsdb.path="$scratch/data" \
    --web.listen-address=127.0.0.1:0 >"$scratch/prometheus" 2>&1 &
pids+=($!)

# wrong WHAT: ends the run, with what Prometheus had to say.
wrong() {
    echo "$1" >&2
    tail -n 5 "$scratch/prometheus" >&2
    exit 1
}

# value QUERY: the value of a query that has one series as its answer; nothing, if there is none.
value() {
    curl -sS --max-time 5 --get --data-urlencode "query=$1" "http://$api/api/v1/query" |
        jq -r 'if .status == "success" then .data.result[0].value[1] // empty else error(.error) end'
}

# until_is WHAT QUERY WANTED: waits until a query has this value.
until_is() {
    local got=
    until got=$(value "$2") && [[ $got == "$3" ]]; do
        ((SECONDS < limit)) || wrong "$1: ${got:-nothing}, should be $3: $2"
        sleep 0.2
    done
    echo "$1: $got"
}

# same WHAT QUERY WANTED: now.
same() {
    local got
    got=$(value "$2")
    [[ $got == "$3" ]] || wrong "$1: ${got:-nothing}, should be $3: $2"
    echo "$1: $got"
}

# number WHAT QUERY: a number above 0, which is neither infinite nor NaN.
number() {
    local got
    got=$(value "$2")
    if ! [[ $got =~ ^[0-9.e+-]+$ ]] || awk -v got="$got" 'BEGIN { exit got > 0 }'; then
        wrong "$1: ${got:-nothing}, should be above 0: $2"
    fi
    echo "$1: $got"
}

until api=$(sed -n 's/.*Listening on.*address=\([0-9.:]*\).*/\1/p' "$scratch/prometheus" | head -n 1) && [[ -n $api ]]; do
    ((SECONDS < limit)) || wrong "Prometheus did not start"
    sleep 0.1
done
# Before anything is sent: a rate is of what came between two scrapes.
until_is "instances that are up" 'sum(up{job="barewire"})' 2

sent=0
for number in 0 1; do
    address=${addresses[number]}
    target/release/barewire-lab load --json "$address" --requests "${plain[number]}" >/dev/null
    for ((count = 0; count < strange[number]; count++)); do
        curl -sS -o "$scratch/answer" "http://$address/nothing"
    done
    for ((count = 0; count < waiting[number]; count++)); do
        curl -sS -o "$scratch/answer" "http://$address/benchmark?wait_us=3000"
    done
    ((sent += plain[number] + strange[number] + waiting[number]))
done

# Of one server all metrics come with one scrape: when what was sent last is there, all of it is.
route() { echo "barewire_route_requests_total{instance=\"$1\",route=\"$2\"}"; }
for number in 0 1; do
    address=${addresses[number]}
    until_is "/benchmark of $address" "$(route "$address" /benchmark)" "${waiting[number]}"
    same "/plaintext of $address" "$(route "$address" /plaintext)" "${plain[number]}"
    same "4xx of $address" "barewire_responses_total{instance=\"$address\",status=\"4xx\"}" "${strange[number]}"
done

# A scrape counts itself in the next one, as a request and for its route.
same "requests, without the scrapes" \
    'sum(barewire_requests_total) - sum(barewire_route_requests_total{route="/metrics"})' "$sent"
same "answers of other classes" 'sum(barewire_responses_total{status=~"3xx|5xx"})' 0
same "instances that are up" 'count(up == 1)' 2
same "versions that run" 'count(barewire_build_info)' 2
same "histograms whose count is not that of their last bucket" \
    'count(barewire_response_time_seconds_bucket{le="+Inf"} != on (instance) barewire_response_time_seconds_count) or vector(0)' 0
number "seconds, 0.99 of the response times" \
    'histogram_quantile(0.99, sum by (le) (rate(barewire_response_time_seconds_bucket[1m])))'
number "seconds, median of the stage write" \
    'histogram_quantile(0.5, sum by (le) (rate(barewire_stage_seconds_bucket{stage="write"}[1m])))'
number "CPU seconds of all reactors" 'sum(barewire_cpu_seconds_total)'

# What does not change any more is what the servers themselves say.
for address in "${addresses[@]}"; do
    curl -sS "http://$address/metrics" >"$scratch/metrics"
    "$promtool" check metrics <"$scratch/metrics" >"$scratch/lint" 2>&1 || wrong "promtool: $(cat "$scratch/lint")"
    [[ ! -s $scratch/lint ]] || wrong "promtool: $(cat "$scratch/lint")"
done
echo "promtool check metrics: clean"

health=$(curl -sS "http://$api/api/v1/rules" | jq -r '[.data.groups[].rules[].lastError // empty] | join("; ")')
[[ -z $health ]] || wrong "alerts: $health"
echo "all as it was sent"
