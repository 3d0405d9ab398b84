#!/usr/bin/env bash
# The server optimised by a profile of itself: target/pgo/release/barewire.
#
#   contrib/pgo.sh
#
# Builds the release profile with counters in it (target/pgo-counted), has it serve a bounded load,
# merges what was counted, and builds again with that. The load is /plaintext and /json, the short
# and a browser's request, singly and 16 pipelined, for PGO_SECONDS (2) each over 64 connections: a
# server that does something else should be given another one.
#
# Needs an llvm-profdata whose LLVM is not older than the compiler's, which wrote the profile:
# LLVM_PROFDATA, or the one of `rustup component add llvm-tools`, or llvm-profdata-VERSION or
# llvm-profdata in the path. It is looked for before anything is built.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=contrib/lib.sh
source contrib/lib.sh

compiler=$(rustc -vV)
host=$(sed -n 's/^host: //p' <<<"$compiler")
llvm=$(sed -n 's/^LLVM version: //p' <<<"$compiler")
major=${llvm%%.*}

# is_fit PROGRAM: whether it can read what this compiler's program will write. LLVM's tools do not
# all tell their version under the same option.
is_fit() {
    local version
    command -v "$1" >/dev/null || return 1
    version=$({ "$1" --version || "$1" merge --version; } 2>/dev/null | sed -n 's/.*LLVM version \([0-9]*\).*/\1/p' | head -n 1)
    candidates+="  $1: LLVM ${version:-of unknown version}"$'\n'
    [[ -n $version ]] && ((version >= major))
}

candidates=
profdata=
for program in ${LLVM_PROFDATA:+"$LLVM_PROFDATA"} \
    "$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata" "llvm-profdata-$major" llvm-profdata; do
    if is_fit "$program"; then
        profdata=$program
        break
    fi
done
if [[ -z $profdata ]]; then
    {
        echo "llvm-profdata is missing, of LLVM $major or later: this rustc has LLVM $llvm"
        [[ -z $candidates ]] || printf 'too old, or not to be trusted:\n%s' "$candidates"
        echo "get it:    rustup component add llvm-tools"
        echo "or:        LLVM_PROFDATA=/path/to/llvm-profdata contrib/pgo.sh"
    } >&2
    exit 1
fi

seconds=${PGO_SECONDS:-2}
scratch=$(mktemp -d)
server_pid=
trap 'if [[ -n $server_pid ]]; then kill "$server_pid"; fi; rm -rf "$scratch"' EXIT
announce
echo "profdata: $profdata, for LLVM $llvm"

cargo build --quiet --release --workspace --bin barewire-lab
RUSTFLAGS="-C profile-generate=$scratch/counts" \
    cargo build --quiet --release --bin barewire --target-dir target/pgo-counted
# What the build's own programs have counted.
rm -rf "$scratch/counts"

start "$scratch/log" target/pgo-counted/release/barewire --port 0
for path in /plaintext /json; do
    body=$(curl -sS "http://$server_address$path")
    for request in benches/requests/request-{short,browser}.http; do
        sed "1s,/plaintext,$path," "$request" >"$scratch/request"
        for depth in 1 16; do
            echo "load:     $path, $(basename "$request"), x$depth"
            target/release/barewire-lab load "$server_address" --json \
                --request "$scratch/request" --body "$body" --pipeline "$depth" --warmup 0 --seconds "$seconds" >"$scratch/load"
        done
    done
done
# The counters are written when the process ends of its own accord.
stop
"$profdata" merge -o "$scratch/merged.profdata" "$scratch"/counts/*.profraw

RUSTFLAGS="-C profile-use=$scratch/merged.profdata" \
    cargo build --quiet --release --bin barewire --target-dir target/pgo
echo "built:    target/pgo/release/barewire"
