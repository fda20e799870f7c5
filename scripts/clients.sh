#!/usr/bin/env bash
# Real clients against `tandem serve` before a scripted engine: what each gets, and how many questions it costs (docs/clients.md).
# Their packages lie below the cache. Arguments go to the runner: -only codex, -v.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_go
have npm || die "npm is not on PATH" "install Node.js 20 or newer and try again"
have python3 || die "python3 is not on PATH" "install Python 3.10 or newer and try again"
LIST=$ROOT/scripts/clients/packages.txt
PACKAGES=$CACHE/clients/$(cksum <"$LIST" | cut -d' ' -f1)

# packages FOLDER REGISTRY JOINT prints the packages of a folder, as NAME, JOINT and the version.
packages() { awk -v f="$1" -v r="$2" -v j="$3" '$1 == f && $2 == r {print $3 j $4}' "$LIST"; }

install_clients() {
	[ -e "$PACKAGES/whole" ] && return
	rm -rf "$PACKAGES"
	say "The clients' packages (two minutes the first time)"
	python3 -m venv "$PACKAGES/py"
	packages py pip == | xargs "$PACKAGES/py/bin/python" -m pip install --quiet --disable-pip-version-check
	awk '$2 == "npm" {print $1}' "$LIST" | sort -u | while read -r folder; do
		mkdir -p "$PACKAGES/$folder"
		echo '{"private": true}' >"$PACKAGES/$folder/package.json"
		packages "$folder" npm @ | (cd "$PACKAGES/$folder" && xargs npm install --silent --no-audit --no-fund --save-exact)
	done
	(cd "$PACKAGES/agents/node_modules/@anthropic-ai/claude-code" && node install.cjs) # its program is a package of its own
	touch "$PACKAGES/whole"
}

locked install_clients
BIN=$CACHE/bin/tandem-clients
cd "$ROOT"
make --no-print-directory build BIN="$BIN"
exec go run ./scripts/clients -tandem "$BIN" -packages "$PACKAGES" "$@"
