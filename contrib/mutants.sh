#!/usr/bin/env bash
# Plants faults in src/reactor and src/http, one at a time, and runs the tests against each: a fault
# that no test notices shows a promise that nothing holds, or code that nobody needs.
#
#   contrib/mutants.sh [SHARD]            one of 27 shards, 0 (the default) to 26: about 60 mutants
#   contrib/mutants.sh --list [SHARD]     only their names
#   contrib/mutants.sh --check            only whether the tests that are left out are still there
#
# JOBS (1) and OUTPUT (target/mutants) are from the environment. A shard has every 27th mutant in
# the order of the source, so the same source gives the same mutants, from all files.
# .cargo/mutants.toml says what is not mutated. The tests run in the dev profile, in a copy under
# TMPDIR, which takes 3 GB for each job. The exit code is cargo-mutants' own: 2 if one survived, 3
# if one ran out of time. Needs `cargo install cargo-mutants --locked`.
set -euo pipefail
cd "$(dirname "$0")/.."

shards=27
# The tests take 45 s beside a build, and several times as long on a machine with other work.
timeout_seconds=240
# Schedules that the simulation tries, a sixth of the usual: they are most of a run of all tests.
schedules=500

# Files of tests that cannot tell a mutant from the original, or cost more than they tell.
skipped=(
    architecture # reads the source: a mutant is no other import, and no longer line
    cli          # the command line, which no mutant touches
    control      # the control routes: 10 s for handlers that are not mutated
    documents    # the documents
    path         # needs valgrind, and counts lines
    techniques   # the table of techniques and its document
)

usage() {
    sed -n '2,/^set /p' "$0" | grep '^#' | cut -c3-
    exit 2
}

# tests: one line for each file of tests that is run.
tests() {
    local file name
    for file in tests/*.rs tests/*/main.rs; do
        name=${file#tests/}
        name=${name%/main.rs}
        name=${name%.rs}
        [[ " ${skipped[*]} " == *" $name "* ]] || echo "$name"
    done
}

for name in "${skipped[@]}"; do
    if [[ ! -f tests/$name.rs && ! -f tests/$name/main.rs ]]; then
        echo "contrib/mutants.sh leaves out tests/$name, which is not there" >&2
        exit 1
    fi
done

listing=()
case ${1-} in
--check)
    echo "cargo test --lib with $(tests | wc -l) files of tests; without ${skipped[*]}"
    exit 0
    ;;
--list)
    listing=(--list)
    shift
    ;;
esac
shard=${1:-0}
[[ $# -le 1 && $shard =~ ^[0-9]{1,2}$ ]] && ((10#$shard < shards)) || usage

if ! cargo mutants --version >/dev/null 2>&1; then
    echo "cargo-mutants is missing: cargo install cargo-mutants --locked" >&2
    exit 1
fi

chosen=(--shard "$((10#$shard))/$shards" --sharding round-robin)
if [[ ${#listing[@]} -gt 0 ]]; then
    exec cargo mutants --package barewire "${chosen[@]}" --list
fi

# For building and for running alike: what comes behind `--` is for running alone.
mapfile -t flags < <(echo --cargo-arg=--lib && tests | sed 's/^/--cargo-arg=--test=/')
output=${OUTPUT:-target/mutants}
mkdir -p "$output"
# Incremental, as a mutant changes one function; with lines alone, as a target takes half the room.
# Without a jobserver, whose descriptors the tests that limit those of a child would inherit.
CARGO_INCREMENTAL=1 CARGO_PROFILE_DEV_DEBUG=line-tables-only BAREWIRE_SEEDS=$schedules \
    exec cargo mutants --package barewire "${chosen[@]}" --jobs "${JOBS:-1}" \
    --jobserver false --timeout "$timeout_seconds" --output "$output" --no-shuffle --colors never \
    "${flags[@]}"
