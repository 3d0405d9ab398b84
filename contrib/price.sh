#!/usr/bin/env bash
# What each protection costs: instructions in user space for one request, of the server as it is and
# of one without the protection.
#
#   contrib/price.sh            all of contrib/price/, as the table of docs/correctness.md
#   contrib/price.sh NAME...    some of them
#   contrib/price.sh --check    only whether the patches still fit the source
#
# contrib/price/NAME.patch takes one protection out of the source; nothing in the server can. Each
# is applied to a copy of HEAD, built (target/price), and counted by contrib/instructions.sh: a short
# request and a browser's over one connection, and a short one on a connection of its own. Needs
# valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=contrib/lib.sh
source contrib/lib.sh

if [[ ${1-} == --check ]]; then
    for patch in contrib/price/*.patch; do git apply --check "$patch"; done
    echo "all patches fit: $(basename -s .patch contrib/price/*.patch | xargs)"
    exit 0
fi
names=("$@")
[[ $# -gt 0 ]] || mapfile -t names < <(basename -s .patch contrib/price/*.patch)
for name in "${names[@]}"; do
    if [[ ! -f contrib/price/$name.patch ]]; then
        echo "there is no contrib/price/$name.patch" >&2
        exit 1
    fi
done

# The same folder each time, so that only the server is built again.
copy=target/price/source
rm -rf "$copy"
mkdir -p "$copy"
git archive HEAD | tar -x -C "$copy" --touch # for cargo, which goes by the time of a file
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf 'GET /plaintext HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >"$scratch/close.http"

# count: builds the copy and sets `counts` to the three figures, each the median of three: a
# disturbed machine moves the last one, as FIN then comes in the turn of the request or in a later.
count() {
    (cd "$copy" && cargo build --quiet --release --bin barewire --target-dir ../build 2>"$scratch/build") || {
        cat "$scratch/build" >&2
        exit 1
    }
    local server=target/price/build/release/barewire
    for _ in 1 2 3; do
        contrib/instructions.sh "$server"
        REQUESTS=$scratch/close.http LOAD_ARGUMENTS=--reconnect contrib/instructions.sh "$server"
    done | awk '$2 ~ /\.http$/ { print $2, $3 }' >"$scratch/counts"
    counts=()
    for request in request-short.http request-browser.http close.http; do
        counts+=("$(awk -v r="$request" '$1 == r { print $2 }' "$scratch/counts" | sort -n | sed -n 2p)")
    done
}

announce
count
whole=("${counts[@]}")
row() { printf '| %-10s | %8s | %8s | %8s |\n' "$@"; }
row "without" "short" "browser's" "on a connection of its own"
row "---" "---:" "---:" "---:"
row "nothing" "${whole[@]}"
for name in "${names[@]}"; do
    patch=$PWD/contrib/price/$name.patch
    git apply --directory="$copy" "$patch"
    count
    row "$name" "$((counts[0] - whole[0]))" "$((counts[1] - whole[1]))" "$((counts[2] - whole[2]))"
    git apply --reverse --directory="$copy" "$patch"
done
