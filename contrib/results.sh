#!/usr/bin/env bash
# Makes files of docs/results/ anew, and the documents' tables from them.
#
#   contrib/results.sh FILE...     such as ablation.json limit.json; `all` stands for every one
#   contrib/results.sh --check     which of them were made from other sources; exit code 3 if any was
#
# Each file is written when it is complete, so what is broken off leaves the old one. Measured are
# the sources as they are: commit first, since each file says from which commit it is. Needs a quiet
# machine and the tools of `barewire-lab doctor`; the rivals are built first. Minutes that each
# takes, on two cores:
#
#   front.json 6, ablation.json 15, limit.json 9, comparison.json 15, files.json 5, tax.json 28,
#   outside.json 18, article.json 18, flames.json 1
set -euo pipefail
cd "$(dirname "$0")/.."

lab=target/release/barewire-lab
documents=(README.md docs/lab.md docs/framework-tax.md docs/zero-copy.md)
# here: the files that there are.
here() {
    find docs/results -name '*.json' ! -name schema.json | sort
}

[[ $# -gt 0 ]] || { sed -n '2,/^set /p' "$0" | grep '^#' | cut -c3-; exit 2; }

cargo build --quiet --release --workspace --bins
if [[ $1 == --check ]]; then
    mapfile -t results < <(here)
    exec "$lab" report "${results[@]}" --check-sources
fi

known=(front.json ablation.json limit.json comparison.json files.json tax.json outside.json article.json flames.json)
files=()
for name in "$@"; do
    if [[ $name == all ]]; then
        files=("${known[@]}")
    elif [[ " ${known[*]} " == *" $name "* ]]; then
        files+=("$name")
    else
        echo "$name is no result file; there are ${known[*]} and all" >&2
        exit 2
    fi
done

# A measurement that a control objects to (4) is not kept.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for file in "${files[@]}"; do
    case $file in
    front.json) "$lab" front --output "$scratch/$file" ;;
    ablation.json) "$lab" ablate --output "$scratch/$file" ;;
    limit.json) "$lab" limit --instructions --output "$scratch/$file" ;;
    comparison.json)
        "$lab" compare --build-only || echo "some rivals are missing; the file will say which"
        "$lab" compare --instructions --output "$scratch/$file"
        ;;
    files.json) "$lab" compare --files --output "$scratch/$file" ;;
    outside.json)
        "$lab" tax --outside-only --workload keep-alive --sets 6 --rounds 6 --output "$scratch/$file"
        ;;
    tax.json) "$lab" tax --output "$scratch/$file" ;;
    article.json)
        "$lab" article --peers --with docs/results/comparison.json --output "$scratch/$file" \
            --document docs/article.md
        ;;
    flames.json) "$lab" flames --output "$scratch/$file" ;;
    esac
    cp "$scratch/$file" "docs/results/$file"
    echo "written: docs/results/$file"
done
mapfile -t results < <(here)
"$lab" report "${results[@]}" "${documents[@]/#/--update-document=}" \
    --waterfall docs/framework-tax.svg --front docs/front.svg
