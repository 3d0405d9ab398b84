#!/usr/bin/env bash
# A flame graph of the server under load that reads as a map of the request: flamegraph.svg.
#
#   contrib/profile.sh [SERVER]
#   contrib/profile.sh --names
#
# Builds the `profiling` profile (release with line tables) with `--cfg map`, under which the
# functions on the request's path are never inlined, and with frame pointers, for tools that walk
# those. It is built apart, in target/map; the names are looked for in the binary, and what it costs
# against the release build is printed, in instructions per request. With SERVER, that binary is
# profiled as it is; with --names nothing is, and only the names are looked for. From the
# environment: SERVER_ARGUMENTS (default `--workers 1 --port 0`), PROFILE_SECONDS (5),
# CONNECTIONS (64), PIPELINE (16: with one request at a time, nine tenths of the picture are the
# kernel's).
#
# perf samples by `cpu-clock`, a timer: virtual machines seldom have hardware counters. It unwinds
# by DWARF, not by frame pointers: glibc has none, so that every stack with a system call in it
# would begin at recv or send, and hang in the air. 16 KiB of stack are kept for each sample; in the
# default of 8 KiB one in a few hundred is cut off.
#
# Needs perf, and inferno (`cargo install inferno`); for the cost, valgrind. perf wants root, or
# `sysctl kernel.perf_event_paranoid=1`; for the kernel's names, `kernel.kptr_restrict=0`.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=contrib/lib.sh
source contrib/lib.sh

tools=(perf inferno-collapse-perf inferno-flamegraph)
if [[ ${1-} == --names ]]; then
    names_only=yes tools=(nm)
    shift
fi
for tool in "${tools[@]}"; do
    if ! command -v "$tool" >/dev/null; then
        echo "$tool is missing; inferno's are installed by: cargo install inferno" >&2
        exit 1
    fi
done

server=${1:-target/map/profiling/barewire}
read -ra arguments <<<"${SERVER_ARGUMENTS:---workers 1 --port 0}"
seconds=${PROFILE_SECONDS:-5}
load=(target/release/barewire-lab load --json --request benches/requests/request-short.http
    --body 'Hello, World!' --connections "${CONNECTIONS:-64}" --pipeline "${PIPELINE:-16}"
    --warmup 1 --seconds "$((seconds + 1))")
record=(perf record --quiet -e cpu-clock -F 999 --call-graph dwarf,16384)
# The request's path, as docs/path.md has it.
path=(Reactor::turn Reactor::advance Connection::advance Connection::fill_and_serve
    Core::serve Core::serve_head Core::produce Routes::handle Fixed::push Response::write)
scratch=$(mktemp -d)
server_pid=
trap 'if [[ -n $server_pid ]]; then kill "$server_pid"; fi; rm -rf "$scratch"' EXIT

# Names as the source has them: `barewire::reactor::serve::<impl
# barewire::reactor::connection::Connection<K>>::serve` is Connection::serve, and so it is if the
# impl is that of a trait, `<impl TRAIT for TYPE>`.
shorten() {
    sed -E 's/[a-z_:]*<impl ([^;]* for )?([^;]*)>::/\2::/g
        s/<(barewire::[A-Za-z_:]+) as [A-Za-z_:]+>/\1/g
        s/<[A-Z](,[A-Z])*>//g
        s/barewire::([a-z_]+::)*([A-Z])/\2/g
        s/barewire::([a-z_]+::)*([a-z_]+::[a-z_]+)/\2/g'
}

if [[ $# -eq 0 ]]; then
    RUSTFLAGS="-C force-frame-pointers=yes --cfg map" \
        cargo build --quiet --profile profiling --target-dir target/map
    nm --demangle "$server" | cut -d ' ' -f 3- | shorten | sort -u >"$scratch/names"
    for name in "${path[@]}"; do
        if ! grep -qxF "$name" "$scratch/names"; then
            echo "$name is not in $server: it was inlined in spite of --cfg map" >&2
            exit 1
        fi
    done
    echo "names:   ${path[*]}: all ${#path[@]} are in the binary"
    [[ -z ${names_only-} ]] || exit 0
fi
cargo build --quiet --release --workspace --bin barewire-lab
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

# What starts a thread is cut off: the reactor's name is below `turn` anyway.
perf script --no-inline -i "$scratch/perf.data" 2>"$scratch/script.err" | inferno-collapse-perf |
    sed -E 's/;.*__rust_begin_short_backtrace;/;/' | shorten >"$scratch/folded"
inferno-flamegraph --title "$(basename "$server"), CPU time" --countname ns --width 1600 \
    <"$scratch/folded" >flamegraph.svg
echo "drawn:   flamegraph.svg, $(awk '{ ns += $NF } END { printf "%.1f", ns / 1e9 }' "$scratch/folded") s of CPU time"
awk '{ ns = $NF; all += ns } /;Reactor::turn/ { path += ns }
    END { printf "         %.1f %% of it below Reactor::turn\n", 100 * path / all }' "$scratch/folded"

if [[ $# -eq 0 ]]; then
    echo
    echo "what the map costs: instructions per request of the release build, then of this one"
    cargo build --quiet --release
    SERVER_ARGUMENTS="${arguments[*]}" contrib/instructions.sh target/release/barewire
    SERVER_ARGUMENTS="${arguments[*]}" contrib/instructions.sh target/map/profiling/barewire
fi
