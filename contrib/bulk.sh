#!/usr/bin/env bash
# A file and an upload of 1 GiB, 200 downloads at once, a reader that stalls, and SIGTERM in the middle:
# whether the server stays below 20 MiB, and what is cut looks cut.
#
#   contrib/bulk.sh [SERVER]     default: target/release/barewire, which is built
#
# Needs curl 7.66 or later. Takes some 20 seconds.
set -euo pipefail
cd "$(dirname "$0")/.."

server=${1:-target/release/barewire}
[[ $# -gt 0 ]] || cargo build --quiet --release --bin barewire
limit_kib=$((20 * 1024))
scratch=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$scratch"' EXIT

truncate -s 1G "$scratch/large"
"$server" --port 0 --workers 1 --grace 3s --files-root "$scratch" >"$scratch/out" 2>"$scratch/err" &
server_pid=$!
pids+=("$server_pid")
until url=$(sed -n 's/^listening on //p' "$scratch/out") && [[ -n $url ]]; do sleep 0.05; done

# same WHAT GOT WANTED: fails, and says why, if they differ.
same() {
    printf '%s: %s\n' "$1" "$2"
    [[ $2 == "$3" ]] && return
    printf 'should be %s\n' "$3" >&2
    return 1
}

# resident: says the most memory that the server has had, and fails if that is too much.
resident() {
    local most
    most=$(awk '/^VmHWM/ { print $2 }' "/proc/$server_pid/status")
    printf 'resident at most, after %s: %s KiB\n' "$1" "$most"
    [[ $most -lt $limit_kib ]] || { echo "should be below $limit_kib KiB" >&2; return 1; }
}

same "bytes of a file of 1 GiB" "$(curl -sS "$url/files/large" | wc -c)" $((1 << 30))
resident "a file of 1 GiB"
head -c 1G /dev/zero | curl -sS -T - -X POST -o "$scratch/answer" "$url/zero-copy?stream=1"
same "bytes of an upload of 1 GiB" "$(grep -o '"input_size": *[0-9]*' "$scratch/answer" | grep -o '[0-9]*$')" $((1 << 30))
resident "an upload of 1 GiB"

# It reads nothing for ten seconds.
curl -sS --limit-rate 1 -o /dev/null "$url/files/large" &
pids+=($!)
curl -sS --no-progress-meter -Z --parallel-max 200 -r 0-5242879 -o /dev/null -w '%{http_code} %{size_download}\n' \
    "$url/files/large?[1-200]" >"$scratch/codes"
same "downloads of 5 MiB at once" "$(grep -c '^206 5242880$' "$scratch/codes")" 200
resident "200 downloads and a reader that stalls"

curl -sS --limit-rate 500M -o /dev/null -w '%{size_download}' "$url/files/large" >"$scratch/ends" &
quick_pid=$!
curl -sS --limit-rate 1M -o /dev/null "$url/files/large" 2>"$scratch/cut.err" &
slow_pid=$!
sleep 0.5
kill -TERM "$server_pid"
wait "$quick_pid"
same "bytes of what could end in time" "$(cat "$scratch/ends")" $((1 << 30))
code=0
wait "$slow_pid" || code=$?
# 18: less than announced; 56: a reset.
case $code in 18 | 56) echo "what could not was cut, and curl says so: $(cat "$scratch/cut.err")" ;; *) same "curl's exit code" "$code" 18 ;; esac
code=0
wait "$server_pid" || code=$?
same "the server's exit code" "$code" 0
