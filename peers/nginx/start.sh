#!/bin/sh
# Writes nginx's configuration for PORT and WORKERS and becomes nginx, so that its process is the one
# that was started. Everything it writes lies in ./run: one of it at a time.
set -eu
directory="$PWD/run"
mkdir -p "$directory"
cat > "$directory/nginx.conf" <<END
pid $directory/nginx.pid;
error_log stderr error;
worker_processes $WORKERS;
events {
    worker_connections 4096;
    multi_accept on;
}
http {
    access_log off;
    # The default closes a connection after 1,000 requests, which no other rival does.
    keepalive_requests 1000000000;
    client_body_temp_path $directory/body;
    proxy_temp_path $directory/proxy;
    fastcgi_temp_path $directory/fastcgi;
    uwsgi_temp_path $directory/uwsgi;
    scgi_temp_path $directory/scgi;
    server {
        # One accept queue for each worker, as the server under study has.
        listen 127.0.0.1:$PORT reuseport;
        location /files/ {
            alias ${FILES_ROOT:-$directory}/;
            sendfile on;
            tcp_nopush on;
            open_file_cache max=1000 inactive=60s;
            open_file_cache_valid 60s;
        }
        location = /plaintext {
            default_type text/plain;
            return 200 'Hello, World!';
        }
        location = /json {
            default_type application/json;
            return 200 '{"message":"Hello, World!"}';
        }
        location / {
            return 404;
        }
    }
}
END
exec nginx -p "$directory" -c "$directory/nginx.conf" -g 'daemon off;'
