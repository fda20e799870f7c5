#!/usr/bin/env bash
# Real clients against `tandem serve` before a scripted engine: what each gets, and how many questions it costs (docs/clients.md).
# Their packages lie below the cache. Arguments go to the runner: -only codex, -v, -update.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$ROOT/scripts/debian.sh"
source "$ROOT/scripts/python.sh"
source "$ROOT/scripts/ollama.sh"
source "$ROOT/scripts/packages.sh"
need_go
have npm || die "npm is not on PATH" "install Node.js 20 or newer and try again"

client_packages pip py quick py
PY=$PACKAGES
client_packages npm sdk sdk
SDK=$PACKAGES
client_packages npm agents agents
AGENTS=$PACKAGES
ensure_newest_ollama
BIN=$CACHE/bin/tandem-clients
cd "$ROOT"
make --no-print-directory build BIN="$BIN"
exec go run ./scripts/clients -tandem "$BIN" -py "$PY" -sdk "$SDK" -agents "$AGENTS" -ollama "$NEWEST_OLLAMA" "$@"
