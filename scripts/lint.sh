#!/usr/bin/env bash
# Lints the Go code (.golangci.yml: linters, formatting, the direction of imports) and the shell scripts. `lint.sh fmt` formats instead.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$ROOT/scripts/debian.sh"
source "$ROOT/scripts/python.sh"
source "$ROOT/scripts/tools.sh"
cd "$ROOT"

golangci_lint
if [ "${1:-}" = fmt ]; then
	exec "$TOOL" fmt
fi
say "golangci-lint"
"$TOOL" config verify
"$TOOL" run --allow-parallel-runners
find_shellcheck
say "shellcheck"
"$TOOL" -x -P SCRIPTDIR scripts/*.sh .ci/run
