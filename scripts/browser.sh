#!/usr/bin/env bash
# The gateway's pages in a real Chromium, with attacks by other pages, and axe-core: CHROMIUM, the one on PATH, or a headless one of
# npm's below the cache. `--if-possible` first: where there is none, it says so and succeeds. Other arguments go to `go test`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_go
OPTIONAL=
[ "${1:-}" != --if-possible ] || { OPTIONAL=yes && shift; }

# npm_package NAME VERSION sets NPM_PACKAGE to its folder, or fails where there is no npm. No script of the package's runs.
npm_package() {
	NPM_PACKAGE=$CACHE/npm/$(basename "$1")-$2
	[ -d "$NPM_PACKAGE" ] && return
	have npm || return 1
	scratch
	echo '{"private": true}' >"$SCRATCH/package.json"
	(cd "$SCRATCH" && logged "npm-$(basename "$1")" npm install --no-audit --no-fund --ignore-scripts "$1@$2") || return 1
	mkdir -p "$CACHE/npm"
	mv "$SCRATCH/node_modules/$1" "$NPM_PACKAGE"
}

# expand FROM TO undoes brotli's compression.
expand() {
	node -e 'const { createReadStream, createWriteStream } = require("fs");
		require("stream").pipeline(createReadStream(process.argv[1]), require("zlib").createBrotliDecompress(),
			createWriteStream(process.argv[2], { mode: 0o755 }), (e) => { if (e) throw e; });' "$1" "$2"
}

# headless_chromium sets CHROMIUM to one made for machines without a desktop: it brings its libraries and fonts along.
headless_chromium() {
	local dir=$CACHE/chromium-$CHROMIUM_VERSION
	CHROMIUM=$dir/run
	[ -x "$CHROMIUM" ] && return
	[ "$(uname -sm)" = "Linux x86_64" ] && have node || return 1
	say "A headless Chromium $CHROMIUM_VERSION (64 MB, half a minute the first time)"
	npm_package @sparticuz/chromium "$CHROMIUM_VERSION" || return 1
	rm -rf "$dir"
	mkdir -p "$dir"
	local part
	for part in al2023 fonts; do
		expand "$NPM_PACKAGE/bin/$part.tar.br" "$dir/$part.tar" && tar -xf "$dir/$part.tar" -C "$dir" && rm "$dir/$part.tar" || return 1
	done
	expand "$NPM_PACKAGE/bin/chromium.br" "$dir/chromium" || return 1
	printf '<fontconfig><dir>%s</dir><cachedir>%s</cachedir></fontconfig>\n' "$dir/fonts" "$dir/cache" >"$dir/fonts.conf"
	printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" FONTCONFIG_PATH="%s" exec "%s" "$@"\n' "$dir/lib" "$dir" "$dir/chromium" >"$dir/run.new"
	chmod +x "$dir/run.new"
	mv "$dir/run.new" "$dir/run"
}

find_chromium() {
	[ -z "${CHROMIUM:-}" ] || return 0
	local name
	for name in chromium chromium-browser google-chrome; do
		CHROMIUM=$(command -v "$name") && return
	done
	locked headless_chromium
}

if ! find_chromium; then
	[ -n "$OPTIONAL" ] || die "there is no Chromium on PATH, and npm has none for this machine" "install Chromium, or set CHROMIUM to its program, and try again"
	say "NOT TESTED: the gateway's pages, because no Chromium is on PATH and npm brought none"
	exit 0
fi
if [ -z "${AXE:-}" ]; then
	if locked npm_package axe-core "$AXE_VERSION"; then AXE=$NPM_PACKAGE/axe.min.js; else note "without axe-core, which npm did not bring: what screen readers need is not checked"; fi
fi
say "The gateway's pages in $("$CHROMIUM" --version 2>/dev/null || echo "$CHROMIUM")"
cd "$ROOT"
export CHROMIUM AXE="${AXE:-}"
exec go test -count=1 -timeout 10m -tags browser ./internal/gateway/web "$@"
