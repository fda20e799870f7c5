#!/usr/bin/env bash
# Runs every fuzz target for a short while (FUZZ_TIME, 10s unless told), one after the other: `go test -fuzz` takes one at a time.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_go
cd "$ROOT"
targets=$(grep -rhoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' -H . | sed 's/:func /:/' | sort)
[ -n "$targets" ] || die "there is no fuzz target"
while IFS=: read -r file target; do
	say "$target in $(dirname "$file") (${FUZZ_TIME:-10s})"
	go test "$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZ_TIME:-10s}"
done <<<"$targets"
