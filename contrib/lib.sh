# Sourced by the other scripts in here: starting a server, finding its address, ending it.
# shellcheck shell=bash

# start LOG COMMAND...: starts a server, waits until it accepts; sets server_pid, and server_address
# as HOST:PORT.
start() {
    local log=$1 attempts=0
    shift
    # Here, not in the child alone: the last server's line must not be taken for this one's.
    : >"$log"
    "$@" >"$log" 2>"$log.err" &
    server_pid=$!
    # Under valgrind it takes a second or two.
    until server_address=$(sed -n 's,^listening on http://,,p' "$log") && [[ -n $server_address ]]; do
        if ! kill -0 "$server_pid" 2>/dev/null || ((++attempts > 600)); then
            echo "this did not start: $*" >&2
            cat "$log.err" >&2
            exit 1
        fi
        sleep 0.05
    done
}

# stop [PID]: ends the server started last with SIGTERM, sent to PID or to the server itself.
stop() {
    kill -TERM "${1:-$server_pid}"
    wait "$server_pid" || true
    server_pid=
}

# announce: which source, compiler and machine the figures belong to.
announce() {
    local changed=
    [[ -z $(git status --porcelain --untracked-files=no) ]] || changed=' with changes'
    echo "commit: $(git rev-parse --short HEAD)$changed, $(rustc --version), Linux $(uname -r), $(nproc) cores"
    echo "CPU: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
}
