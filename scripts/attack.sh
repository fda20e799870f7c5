#!/usr/bin/env bash
# The long form of the attacks that `make test` makes quickly: hundreds of random system calls that fail and moments of kill -9, the privacy
# tests against the newest Ollama in a network namespace, and every fuzz target for half a minute. docs/security.md says what each holds.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_go
cd "$ROOT"
TANDEM_ATTACK=long scripts/newest.sh go test -count=1 -timeout 60m -v -run "${ATTACK_RUN:-.}" ./internal/attack
scripts/newest.sh go test -count=1 -timeout 30m -run 'Namespace|Cloud|Privacy|Offline' ./internal/stack ./provider/ollama ./internal/cli
FUZZ_TIME=${FUZZ_TIME:-30s} scripts/fuzz.sh
