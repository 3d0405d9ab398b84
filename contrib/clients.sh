#!/usr/bin/env bash
# The clients in wide use, each of which must be served as it expects: curl with its odd options,
# Node, Python, Go, Java, a browser, ab, h2load, wrk and slowhttptest, against a server on a free
# port. A line for each check; ends at the first thing that is wrong, with what was expected and
# what came. Takes a minute and a half, most of which is slowhttptest's.
#
#   contrib/clients.sh [--installed] [SERVER]
#
# SERVER is a server binary (default target/release/barewire, which is built first). A client that
# is missing ends it before anything is run; with --installed the others are run, and the last lines
# say which were not. The programs are in contrib/clients/. Needs curl and jq.
#
# Connections are counted by the server (`accepted` in /stats), not by what a client says of itself.
# In the end every connection and buffer must have been given back (with the technique idle-buffers,
# which is on by default).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=contrib/lib.sh
source contrib/lib.sh
# shellcheck source=contrib/clients/curl.sh
source contrib/clients/curl.sh
# shellcheck source=contrib/clients/loads.sh
source contrib/clients/loads.sh

hello='Hello, World!'
# A proxy of the environment's would be asked instead.
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
only_installed=
if [[ ${1:-} == --installed ]]; then
    only_installed=yes
    shift
fi
server=${1:-target/release/barewire}
scratch=$(mktemp -d)
server_pid=
client_pid=
leave_nothing() {
    local pid
    for pid in $server_pid $client_pid; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$scratch"
}
trap leave_nothing EXIT

# has PROGRAM: whether it is to be run.
missing=()
has() { [[ " ${missing[*]} " != *" $1 "* ]]; }

declare -A packages=([curl]=curl [jq]=jq [node]=nodejs [python3]=python3 [go]=golang-go
    [java]=default-jdk [chromium]=chromium [ab]=apache2-utils [h2load]=nghttp2-client [wrk]=wrk
    [slowhttptest]=slowhttptest)
for program in curl jq node python3 go java chromium ab h2load wrk slowhttptest; do
    command -v "$program" >/dev/null || missing+=("$program")
done
if [[ ${#missing[@]} -gt 0 ]] && ! { [[ -n $only_installed ]] && has curl && has jq; }; then
    echo "missing: ${missing[*]}" >&2
    names=()
    for program in "${missing[@]}"; do names+=("${packages[$program]}"); done
    echo "apt-get install ${names[*]}" >&2
    [[ -n $only_installed ]] || echo 'or --installed, to go on without them' >&2
    exit 2
fi

# check CLIENT WHAT: begins a check, and counts connections from here.
check() {
    client=$1 what=$2
    accepted_before=$(figure '[.reactors[].accepted] | add')
}

# ok: the check is passed.
ok() { printf '%-13s %-72s ok\n' "$client" "$what"; }

# same OF EXPECTED GOT: ends the script if they differ.
same() {
    [[ $2 == "$3" ]] && return
    printf '%-13s %-72s FAILED\n' "$client" "$what" >&2
    printf '%s\n  expected: %s\n  got:      %s\n' "$1" "$2" "$3" >&2
    exit 1
}

# figure FILTER: a figure of /stats, by jq. It costs a connection.
figure() { curl -q -sS --max-time 20 "$url/stats" | jq "$1"; }

# opened EXPECTED: connections since `check`, without that of the question.
opened() {
    local accepted
    accepted=$(figure '[.reactors[].accepted] | add')
    same 'connections opened' "$1" $((accepted - accepted_before - 1))
}

# ask ARGUMENTS...: runs curl. Its exit code is $code, what it wrote is in $scratch/content.
ask() {
    code=0
    curl -q -sS --max-time 20 --dump-header "$scratch/head" --write-out '%{stderr}
version=%{http_version}
status=%{http_code}
connects=%{num_connects}
uploaded=%{size_upload}
tunnel=%{http_connect}
' "$@" >"$scratch/content" 2>"$scratch/told" || code=$?
}

# told NAME: what curl says of its transfers, one word for each.
told() { sed -n "s/^$1=//p" "$scratch/told" | xargs; }

# answered CODE STATUS [CONTENT]: curl's exit code, the status (of each transfer), what it wrote.
answered() {
    same "curl's exit code ($(grep '^curl:' "$scratch/told" || true))" "$1" "$code"
    same status "$2" "$(told status)"
    [[ $# -lt 3 ]] || same content "$3" "$(<"$scratch/content")"
}

# field NAME EXPECTED: the answer's field, in the letters the server writes; empty if there is none.
field() { same "field $1" "$2" "$(sed -n "s/^$1: \(.*\)\r\$/\1/p" "$scratch/head")"; }

# error EXPECTED: words of the JSON error.
error() {
    local said
    said=$(jq -r .error "$scratch/content")
    same 'words of the error' "$1" "$(grep -o -- "$1" <<<"$said" || echo "$said")"
}

# run_program CLIENT COMMAND...: a program that prints a line for each check that it has passed.
run_program() {
    client=$1
    shift
    timeout 120 "$@" | while read -r what; do ok; done || {
        echo "$client FAILED: $*" >&2
        exit 1
    }
}

# serve ARGUMENTS...: a server; sets url.
serve() {
    start "$scratch/log" "$server" --host 127.0.0.1 --port 0 "$@"
    url=http://$server_address
}

# leave: every connection and buffer is given back, nothing panicked, SIGTERM ends it with code 0.
leave() {
    check server 'all is given back, and SIGTERM ends it with exit code 0'
    local attempts=0 code=0 left='"\(.connections) \(.panics) \([.reactors[].buffer_bytes] | add)"'
    # A connection lingers for 2 s (--lingering-silence) after its last answer.
    until [[ $(figure "$left") == '"1 0 0"' ]] || ((++attempts > 100)); do sleep 0.1; done
    same 'connections (its own), panics, bytes in buffers' '"1 0 0"' "$(figure "$left")"
    kill -TERM "$server_pid"
    wait "$server_pid" || code=$?
    server_pid=
    same 'exit code' 0 "$code"
    ok
}

[[ $# -gt 0 ]] || cargo build --quiet --release
announce

serve
versions_of_http
methods_and_targets
fields
bodies
transfers
files
if has node; then run_program node node contrib/clients/fetch.mjs "$server_address"; fi
if has python3; then run_program python python3 contrib/clients/client.py "$server_address"; fi
if has go; then
    timeout 300 go build -o "$scratch/go-client" contrib/clients/client.go
    run_program go "$scratch/go-client" "$server_address"
fi
if has java; then run_program java java contrib/clients/Client.java "$server_address"; fi
if has chromium; then browser; fi
if has ab; then ab_load; fi
if has h2load; then h2load_load; fi
if has wrk; then wrk_load; fi
if has slowhttptest; then attacks; fi
leave

serve --idle-timeout 300ms
idle_connections
leave

if has slowhttptest; then
    serve --send-buffer 4KiB --write-timeout 4s
    attack_on_small_buffers
    leave
fi

for program in "${missing[@]}"; do
    echo "not run: $program is not installed (apt-get install ${packages[$program]})"
done
