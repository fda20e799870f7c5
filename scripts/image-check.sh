#!/usr/bin/env bash
# Checks that a binary runs in the image of packaging/Dockerfile: in a root folder that has what its last stage has and nothing else, no /tmp and no
# /etc/passwd, as user 65532, who may write below /home/tandem only. It needs no container engine, and root on Linux.
#   scripts/image-check.sh BINARY
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
BIN=${1:?give the binary}
USER_ID=65532
if [ "$(uname -s)" != Linux ] || [ "$(id -u)" != 0 ] || ! CHROOT=$(command -v chroot); then
	note "the image's root is not checked: that needs root on Linux"
	exit 0
fi
certificates=
for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
	[ -n "$certificates" ] || [ ! -s "$file" ] || certificates=$file
done
[ -n "$certificates" ] || die "this machine has no file of public certificates" "install the package ca-certificates"

scratch
root=$SCRATCH/image
mkdir -p "$root/etc/ssl/certs" "$root/usr/local/bin" "$root/home"
cp "$certificates" "$root/etc/ssl/certs/ca-certificates.crt"
cp "$BIN" "$root/usr/local/bin/tandem"
mkdir -m 0700 "$root/home/tandem"
chown "$USER_ID:$USER_ID" "$root/home/tandem"
chmod 0755 "$SCRATCH" "$root" "$root/home"
touch "$SCRATCH/before"

# in_image COMMAND... is tandem in the image, with the image's environment and that of compose.yaml.
in_image() {
	env -i HOME=/home/tandem TANDEM_KEYRING=file OLLAMA_HOST=http://127.0.0.1:9 \
		"$CHROOT" --userspec="$USER_ID:$USER_ID" "$root" /usr/local/bin/tandem "$@"
}
in_image version >/dev/null || die "the binary does not run in an empty root" "is it static? CGO_ENABLED=0"
key=$(in_image serve keys add check 2>/dev/null) || die "the image's user cannot store a key below /home/tandem"

port=$(free_port)
log=$SCRATCH/serve.log
start_server "$log" env -i HOME=/home/tandem TANDEM_KEYRING=file OLLAMA_HOST=http://127.0.0.1:9 \
	"$CHROOT" --userspec="$USER_ID:$USER_ID" "$root" /usr/local/bin/tandem serve --listen "0.0.0.0:$port" --expose
server=$SERVER_PID
on_exit "stop_server $server"
await "tandem serve" "http://127.0.0.1:$port/healthz" "$server" "$log" 30
[ "$(ps -o uid= -p "$server" | tr -d ' ')" = "$USER_ID" ] || die "tandem serve does not run as user $USER_ID"
http_get "http://127.0.0.1:$port/v1/models" 5 >/dev/null && die "the gateway answers without a key"
http_get "http://127.0.0.1:$port/v1/models" 5 "Authorization: Bearer $key" >/dev/null || die "the gateway does not answer with its key"
# A question that nobody answers is logged: SQLite works without /tmp.
python3 - "http://127.0.0.1:$port/v1/chat/completions" "$key" <<'PY' || die "a question is not answered as it should"
import json, sys, urllib.error, urllib.request
body = json.dumps({"messages": [{"role": "user", "content": "Hello"}]}).encode()
request = urllib.request.Request(sys.argv[1], body, {"Content-Type": "application/json", "Authorization": "Bearer " + sys.argv[2]})
try:
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60)
    sys.exit("somebody answered")
except urllib.error.HTTPError as e:
    if e.code not in (429, 502, 503) or "error" not in json.load(e):
        sys.exit(f"status {e.code}")
PY
kill -TERM "$server"
for _ in $(seq 300); do
	kill -0 "$server" 2>/dev/null || break
	sleep 0.1
done
kill -0 "$server" 2>/dev/null && die "tandem serve does not end with SIGTERM" "its log: $(tail -n 3 "$log")"
in_image logs list --json 2>/dev/null | grep -q '"calls_failed":1' || die "the log has no call: it cannot be written in the image"
outside=$(find "$root" -newer "$SCRATCH/before" ! -path "$root/home/tandem*" -print -quit)
[ -z "$outside" ] || die "something was written outside of /home/tandem: ${outside#"$root"}"
note "the binary runs in the image's root as user $USER_ID, and writes below /home/tandem only"
