# shellcheck shell=bash
# The linters, at versions that do not change under us. They are built below the cache: go.mod stays the program's own.

# go_tool NAME VERSION MODULE-PATH ABOUT sets TOOL to the built program.
go_tool() {
	need_go
	# A linter cannot read code for a newer Go than the one that built it, so the name holds that too.
	TOOL=$CACHE/bin/$1-$2-$(go env GOVERSION)
	[ -x "$TOOL" ] || locked build_go_tool "$@"
}

build_go_tool() {
	[ -x "$TOOL" ] && return
	say "Building $1 $2 ($4; once)"
	scratch
	(cd "$SCRATCH" && logged "build-$1" env GOBIN="$SCRATCH" GOFLAGS= GOWORK=off GO111MODULE=on CGO_ENABLED=0 GOOS='' GOARCH='' go install "$3@v$2") ||
		die "$1 could not be built" "tried: go install $3@v$2 with $(go version)" "next: look at the lines above, at the network and at go env GOPROXY"
	mv "$SCRATCH/$1" "$TOOL"
}

golangci_lint() {
	go_tool golangci-lint "$GOLANGCI_VERSION" github.com/golangci/golangci-lint/v2/cmd/golangci-lint "2 to 4 minutes on 2 cores"
	export GOLANGCI_LINT_CACHE=$CACHE/golangci-lint
}

# find_govulncheck sets TOOL to Go's own checker of known vulnerabilities.
find_govulncheck() { go_tool govulncheck "$GOVULNCHECK_VERSION" golang.org/x/vuln/cmd/govulncheck "half a minute"; }

# find_shellcheck sets TOOL to shellcheck: the one on PATH, else the one from its Python package.
find_shellcheck() {
	TOOL=$(command -v shellcheck || true)
	[ -n "$TOOL" ] && return
	python_package "$SHELLCHECK"
	TOOL=$PACKAGE/bin/shellcheck
}
