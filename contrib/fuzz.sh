#!/usr/bin/env bash
# Fuzzes each target of fuzz/ for a while, two at a time, from its seeds and from what earlier runs
# found (fuzz/corpus). A crash ends its target and is left in fuzz/artifacts.
#
#   contrib/fuzz.sh [TARGET ...]
#
# SECONDS_EACH (600) is from the environment. cargo-fuzz and a nightly compiler are needed: `cargo
# install cargo-fuzz`, `rustup toolchain install nightly`. There are no sanitizers: what they watch is
# unsafe code, of which a target reaches none but the three lines of a read.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${SECONDS_EACH:-600}
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || targets=(head chunks connection routes config)

cargo +nightly fuzz build --sanitizer none

# fuzz TARGET: one of them, its output kept beside what it finds.
fuzz() {
    local target=$1
    mkdir -p "fuzz/corpus/$target" "fuzz/artifacts/$target"
    if cargo +nightly fuzz run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -dict=fuzz/http.dict -timeout=20 -rss_limit_mb=4096 \
        -print_final_stats=1 >"fuzz/artifacts/$target.log" 2>&1; then
        awk -v target="$target" '/number_of_executed_units/ { print target ": " $2 " inputs, no finding" }' \
            "fuzz/artifacts/$target.log"
    else
        echo "$target: a finding; fuzz/artifacts/$target.log" >&2
        return 1
    fi
}
export -f fuzz
export seconds

printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c 'fuzz {}'
