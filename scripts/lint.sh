#!/usr/bin/env bash
# Lints the Go code (.golangci.yml: linters, formatting, the direction of imports) and the shell scripts. `lint.sh fmt` formats instead.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$ROOT/scripts/debian.sh"
source "$ROOT/scripts/python.sh"
source "$ROOT/scripts/tools.sh"
cd "$ROOT"

# check_vulnerabilities fails on a known vulnerability that the program can reach. Without the database nothing is known, and that is said.
check_vulnerabilities() {
	find_govulncheck
	say "govulncheck"
	local log=$CACHE/log/govulncheck-$$.log status=0
	"$TOOL" ./... >"$log" 2>&1 </dev/null || status=$?
	if [ $status != 0 ] && grep -q 'fetching vulnerabilities' "$log"; then
		note "NOT CHECKED for known vulnerabilities: the database at https://vuln.go.dev cannot be reached from here"
		status=0
	fi
	[ $status = 0 ] || sed 's/^/    | /' "$log" >&2
	rm -f "$log"
	return $status
}

golangci_lint
if [ "${1:-}" = fmt ]; then
	exec "$TOOL" fmt
fi
say "golangci-lint"
"$TOOL" config verify
"$TOOL" run --allow-parallel-runners
check_vulnerabilities
find_shellcheck
say "shellcheck"
"$TOOL" -x -P SCRIPTDIR scripts/*.sh .ci/run
