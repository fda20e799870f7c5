#!/usr/bin/env bash
# The real engines of the tests: an Ollama of our own, and llama.cpp's server with an API key as the hosted side, both on SmolLM2; Ollama
# has all-MiniLM-L6-v2 besides, which makes vectors. The newest Ollama is built, too, for tests of what it sends elsewhere, and libraries of
# real clients are installed for tests of `tandem serve`.
#
#   scripts/engines.sh run COMMAND...   starts them on free ports, runs the command against them, stops them however it ends
#   scripts/engines.sh up               starts them and leaves them running, for work on one test at a time:
#                                       set -a; . "$(scripts/engines.sh env)"; set +a; go test ./provider/...
#   scripts/engines.sh env              prints the file with their addresses (TANDEM_TEST_…, as internal/testengine reads them)
#   scripts/engines.sh down             stops what `up` started
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$ROOT/scripts/debian.sh"
source "$ROOT/scripts/python.sh"
source "$ROOT/scripts/ollama.sh"
source "$ROOT/scripts/model.sh"
source "$ROOT/scripts/packages.sh"

ENV_FILE=$CACHE/engines.env
HOSTED_ALIAS=smollm2
STORE=$CACHE/test-models

# prepare gets everything that the engines are made of. It starts nothing that outlives it.
prepare() {
	OLLAMA_BIN=${TANDEM_OLLAMA_BIN:-}
	BORROWED=
	if [ -z "$OLLAMA_BIN" ] && ! find_ollama; then
		BORROWED=$(ollama_url)
		if ! has_model "$BORROWED" || ! has_model "$BORROWED" "$EMBED_MODEL"; then
			BORROWED=''
			ensure_ollama
		fi
	fi
	python_package "$XLLAMACPP" "llama.cpp's server, 34 MB; as long as the download takes"
	HOSTED_PATH=$PACKAGE
	model_file
	[ -n "$BORROWED" ] || store_is_full || locked fill_store
	ensure_newest_ollama
	client_packages pip quick quick
	find_strace
	find_shells
}

store_is_full() { store_has_model "$STORE" && store_has_model "$STORE" "$EMBED_MODEL"; }

# start_or_borrow_ollama STORE LOG sets OLLAMA_URL, OLLAMA_STORE, and SERVER_PID unless the Ollama is one that the user runs without a binary
# on PATH: in a container, say. Such a one is used as it is.
start_or_borrow_ollama() {
	if [ -n "$BORROWED" ]; then
		say "Using the Ollama that runs at $BORROWED"
		OLLAMA_URL=$BORROWED OLLAMA_STORE='' SERVER_PID=''
		return
	fi
	# Its own store, so that tests may pull, create and delete. The weights are linked, not copied.
	rm -rf "$1"
	cp -Rl "$STORE" "$1" 2>/dev/null || cp -R "$STORE" "$1"
	OLLAMA_STORE=$1
	start_ollama "$(free_port)" "$1" "$2"
}

# fill_store imports the models into the tests' own store: never the user's, which tests have no business to write to. There a model runs
# on one thread: the threads of a busy machine's engines wait for one another, and two engines on two cores do so for minutes.
fill_store() {
	store_is_full && return
	model_file
	embed_model_folder
	scratch
	local store=$SCRATCH/models log=$CACHE/log/fill-store.log
	start_ollama "$(free_port)" "$store" "$log"
	on_exit "stop_server $SERVER_PID"
	import_model "$OLLAMA_URL" "PARAMETER num_thread 1"
	import_embed_model "$OLLAMA_URL" "PARAMETER num_thread 1"
	stop_server "$SERVER_PID"
	rm -rf "$STORE"
	mv "$store" "$STORE"
}

# start_ollama PORT STORE LOG sets OLLAMA_URL and SERVER_PID. It does not inherit the user's Ollama settings.
start_ollama() {
	OLLAMA_URL=http://127.0.0.1:$1
	local name drop=()
	for name in $(compgen -e OLLAMA_ || true); do drop+=(-u "$name"); done
	start_server "$3" env ${drop[@]+"${drop[@]}"} OLLAMA_HOST="127.0.0.1:$1" OLLAMA_MODELS="$2" OLLAMA_NOPRUNE=1 OLLAMA_NOHISTORY=1 "$OLLAMA_BIN" serve
	await Ollama "$OLLAMA_URL/api/version" "$SERVER_PID" "$3" 30
}

# start_hosted PORT KEY LOG sets HOSTED_URL and SERVER_PID.
start_hosted() {
	HOSTED_URL=http://127.0.0.1:$1/v1
	TANDEM_HOSTED_KEY=$2 PYTHONPATH=$HOSTED_PATH start_server "$3" python3 "$ROOT/scripts/hosted.py" --model "$MODEL_FILE" --alias "$HOSTED_ALIAS" --port "$1"
	await "llama.cpp's server" "$HOSTED_URL/models" "$SERVER_PID" "$3" 60 "Authorization: Bearer $2"
}

# print_env KEY prints what internal/testengine reads.
print_env() {
	cat <<-ENV
		TANDEM_TEST_OLLAMA=$OLLAMA_URL
		TANDEM_TEST_OLLAMA_BIN=$OLLAMA_BIN
		TANDEM_TEST_OLLAMA_MODELS=$OLLAMA_STORE
		TANDEM_TEST_MODEL=$MODEL
		TANDEM_TEST_EMBED_MODEL=$EMBED_MODEL
		TANDEM_TEST_NEWEST_OLLAMA_BIN=$NEWEST_OLLAMA
		TANDEM_TEST_OPENAI_URL=$HOSTED_URL
		TANDEM_TEST_OPENAI_KEY=$1
		TANDEM_TEST_OPENAI_MODEL=$HOSTED_ALIAS
		TANDEM_TEST_STRACE=$STRACE
		TANDEM_TEST_CLIENTS=$PACKAGES
	ENV
}

run() {
	prepare
	scratch
	local folder=$SCRATCH key=test-key-$RANDOM$RANDOM logs=$CACHE/log/test-$$ line status=0
	say "Starting the engines (seconds)"
	start_or_borrow_ollama "$folder/models" "$logs-ollama.log"
	[ -z "$SERVER_PID" ] || on_exit "stop_server $SERVER_PID"
	start_hosted "$(free_port)" "$key" "$logs-hosted.log"
	on_exit "stop_server $SERVER_PID"
	print_env "$key" >"$folder/env"
	while IFS= read -r line; do export "${line?}"; done <"$folder/env"
	PATH=$PATH:$SHELLS TANDEM_REQUIRE_ENGINES=1 "$@" || status=$?
	if [ $status = 0 ]; then
		rm -f "$logs"-*.log
	else
		note "the engines' logs: $logs-ollama.log and $logs-hosted.log"
	fi
	return $status
}

up() {
	prepare
	if up_already; then
		say "The engines are up: $ENV_FILE"
		return
	fi
	locked start_up
	say "The engines are up: $ENV_FILE"
}

up_already() {
	[ -f "$ENV_FILE" ] && (
		# shellcheck source=/dev/null
		source "$ENV_FILE"
		has_model "$TANDEM_TEST_OLLAMA" "${TANDEM_TEST_EMBED_MODEL:?}" && http_get "$TANDEM_TEST_OPENAI_URL/models" 5 "Authorization: Bearer $TANDEM_TEST_OPENAI_KEY" >/dev/null
	)
}

start_up() {
	up_already && return
	down
	say "Starting the engines (seconds)"
	start_or_borrow_ollama "$CACHE/up.models" "$CACHE/log/up-ollama.log"
	echo "$SERVER_PID" >"$CACHE/up.pids"
	start_hosted "$(free_port)" test-key-hosted "$CACHE/log/up-hosted.log"
	echo "$SERVER_PID" >>"$CACHE/up.pids"
	print_env test-key-hosted >"$ENV_FILE.new"
	mv "$ENV_FILE.new" "$ENV_FILE"
}

down() {
	local pid
	[ ! -f "$CACHE/up.pids" ] || while read -r pid; do
		[ -n "$pid" ] || continue
		# A number alone may since belong to somebody else.
		case $(ps -o args= -p "$pid" 2>/dev/null || true) in *"ollama serve" | *hosted.py*) stop_server "$pid" ;; esac
	done <"$CACHE/up.pids"
	rm -rf "$CACHE/up.pids" "$CACHE/up.models" "$ENV_FILE"
}

case ${1:-} in
prepare | up | down) "$1" ;;
env) echo "$ENV_FILE" ;;
run) shift && run "$@" ;;
*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}" >&2 && exit 2 ;;
esac
