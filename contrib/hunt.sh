#!/usr/bin/env bash
# Hunts for a lost wakeup: several servers with options drawn by chance, a load that goes from one
# to the other in slices of some milliseconds and stops in the middle, all cores busy for half of
# the time. An answer that does not come while its server sleeps ends the hunt with exit code 1.
#
#   contrib/hunt.sh [--server SERVER] [--minutes N] [--seed N] [--servers N] [--connections N]
#
# SERVER is a server binary (default target/release/barewire, which is built first). Without a seed
# one is drawn, and printed. Needs python3; with ss and gcore (Debian: iproute2, gdb) a loss comes
# with more evidence. The program is in contrib/hunt/.
set -euo pipefail
cd "$(dirname "$0")/.."

case " $* " in
    *" --server "* | *" --server="*) ;;
    *) cargo build --quiet --release --bins ;;
esac
exec python3 contrib/hunt/main.py "$@"
