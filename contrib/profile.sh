#!/usr/bin/env bash
# A flame graph of the server under load that reads as a map of the request: flamegraph.svg.
#
#   contrib/profile.sh [SERVER]
#
# Builds the `profiling` profile (release with line tables) with frame pointers, and with `--cfg
# map`, under which the functions on the request's path are never inlined. It is built apart, in
# target/map, and its cost against the release build is printed, in instructions per request. With
# SERVER, that binary is profiled as it is. From the environment: SERVER_ARGUMENTS (default
# `--workers 1 --port 0`), PROFILE_SECONDS (5), CONNECTIONS (64), PIPELINE (1).
#
# perf samples by `cpu-clock`, a timer: virtual machines seldom have hardware counters. Needs perf,
# and inferno (`cargo install inferno`); for the cost, valgrind. Without perf: `cargo install
# samply`, then start the server with `samply record target/map/profiling/barewire` and load it as
# below; samply shows the same in a browser. perf wants root, or `sysctl
# kernel.perf_event_paranoid=1`; for the kernel's names, `kernel.kptr_restrict=0`.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=contrib/lib.sh
source contrib/lib.sh

for tool in perf inferno-collapse-perf inferno-flamegraph; do
    if ! command -v "$tool" >/dev/null; then
        echo "$tool is missing; inferno's are installed by: cargo install inferno" >&2
        exit 1
    fi
done

server=${1:-target/map/profiling/barewire}
read -ra arguments <<<"${SERVER_ARGUMENTS:---workers 1 --port 0}"
seconds=${PROFILE_SECONDS:-5}
load=(target/release/examples/load --connections "${CONNECTIONS:-64}" --pipeline "${PIPELINE:-1}"
    --warmup 1 --seconds "$((seconds + 1))")
record=(perf record --quiet -e cpu-clock -F 999 --call-graph fp)
scratch=$(mktemp -d)
server_pid=
trap 'if [[ -n $server_pid ]]; then kill "$server_pid"; fi; rm -rf "$scratch"' EXIT

if [[ $# -eq 0 ]]; then
    RUSTFLAGS="-C force-frame-pointers=yes --cfg map" \
        cargo build --quiet --profile profiling --target-dir target/map
fi
cargo build --quiet --release --example load
announce

start "$scratch/log" "$server" "${arguments[@]}"
echo "server:  $server ${arguments[*]}"
echo "load:    ${load[*]} $server_address"
echo "record:  ${record[*]} -p $server_pid -- sleep $seconds"
"${load[@]}" "$server_address" --server-pid "$server_pid" >"$scratch/load" &
load_pid=$!
sleep 1.5
"${record[@]}" -o "$scratch/perf.data" -p "$server_pid" -- sleep "$seconds"
wait "$load_pid"
stop
cat "$scratch/load"

perf script -i "$scratch/perf.data" 2>"$scratch/script.err" | inferno-collapse-perf >"$scratch/folded"
inferno-flamegraph --title "$(basename "$server"), CPU time" --countname ns <"$scratch/folded" >flamegraph.svg
echo "drawn:   flamegraph.svg, $(awk '{ ns += $NF } END { printf "%.1f", ns / 1e9 }' "$scratch/folded") s of CPU time"

if [[ $# -eq 0 ]]; then
    echo
    echo "what the map costs: instructions per request of the release build, then of this one"
    cargo build --quiet --release
    SERVER_ARGUMENTS="${arguments[*]}" contrib/instructions.sh target/release/barewire
    SERVER_ARGUMENTS="${arguments[*]}" contrib/instructions.sh target/map/profiling/barewire
fi
