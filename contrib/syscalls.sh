#!/usr/bin/env bash
# The system calls of a reactor's thread during 10,000 keep-alive GETs of /plaintext over one
# connection, by strace: what its table shows beyond one recvfrom and one sendto for each request,
# and epoll_wait, must not grow with them. (Another thread reads /proc once a second, for /stats:
# what it asks for grows with the time, not with the requests.)
#
#   contrib/syscalls.sh [SERVER [REQUESTS]]
#
# SERVER is a server binary (default target/release/barewire, which is built first);
# SERVER_ARGUMENTS (default `--workers 1 --port 0`) are handed to it. Needs strace.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=contrib/lib.sh
source contrib/lib.sh

server=${1:-target/release/barewire}
requests=${2:-10000}
read -ra arguments <<<"${SERVER_ARGUMENTS:---workers 1 --port 0}"
scratch=$(mktemp -d)
server_pid=
traced_pid=
trap 'if [[ -n $server_pid ]]; then kill "${traced_pid:-$server_pid}"; fi; rm -rf "$scratch"' EXIT

[[ $# -gt 0 ]] || cargo build --quiet --release
cargo build --quiet --release --workspace --bin barewire-lab
announce
echo "command: strace -f $server ${arguments[*]}; barewire-lab load ADDRESS --requests $requests"

start "$scratch/log" strace -f -qq -e signal=none -o "$scratch/calls" "$server" "${arguments[@]}"
read -ra children <<<"$(cat "/proc/$server_pid/task/$server_pid/children")"
traced_pid=${children[0]}
target/release/barewire-lab load --json "$server_address" --requests "$requests" \
    --request benches/requests/request-short.http --body 'Hello, World!'
stop "$traced_pid"

# A line is "THREAD call(...)", or "THREAD <... call resumed>", which was counted when it began.
awk '$2 ~ /^[a-z0-9_]+\(/ { sub(/\(.*/, "", $2); calls[$1 " " $2]++ }
    $2 == "recvfrom" { reactors[$1] }
    END { for (key in calls) { split(key, part, " "); if (part[1] in reactors) sum[part[2]] += calls[key] }
          for (call in sum) print sum[call], call }' "$scratch/calls" | sort -rn >"$scratch/table"
cat "$scratch/table"
echo
echo "per request, where it is a hundredth or more:"
awk -v requests="$requests" '$1 / requests >= 0.01 { printf "%12.4f  %s\n", $1 / requests, $2 }' "$scratch/table"
