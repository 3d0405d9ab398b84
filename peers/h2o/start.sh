#!/bin/sh
# Writes h2o's configuration for PORT and WORKERS and becomes h2o. It lies in
# ./run: one of it at a time.
set -eu
directory="$PWD/run"
mkdir -p "$directory"
cat > "$directory/h2o.conf" <<END
num-threads: $WORKERS
max-connections: 8192
http1-request-timeout: 60
listen:
  host: 127.0.0.1
  port: $PORT
hosts:
  default:
    paths:
      /files:
        file.dir: ${FILES_ROOT:-$directory}
      /plaintext:
        mruby.handler: |
          Proc.new { |env| [200, {"content-type" => "text/plain"}, ["Hello, World!"]] }
      /json:
        mruby.handler: |
          Proc.new { |env| [200, {"content-type" => "application/json"}, [JSON.generate({"message" => "Hello, World!"})]] }
      /:
        mruby.handler: |
          Proc.new { |env| [404, {"content-type" => "text/plain"}, ["not found"]] }
END
exec h2o -m worker -c "$directory/h2o.conf"
