#!/bin/sh
# Writes HAProxy's configuration for PORT and WORKERS and becomes HAProxy. It lies in
# ./run: one of it at a time.
set -eu
directory="$PWD/run"
mkdir -p "$directory"
cat > "$directory/haproxy.cfg" <<END
global
    nbthread $WORKERS
    maxconn 8192
defaults
    mode http
    timeout client 60s
    timeout http-request 60s
    timeout http-keep-alive 60s
frontend plain
    bind 127.0.0.1:$PORT
    http-request return status 200 content-type text/plain string "Hello, World!" if { path /plaintext }
    http-request return status 200 content-type application/json string "{\"message\":\"Hello, World!\"}" if { path /json }
    http-request return status 404
END
exec haproxy -db -q -f "$directory/haproxy.cfg"
