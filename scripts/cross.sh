#!/usr/bin/env bash
# Builds tandem without cgo for every platform that it is released for, and throws the binaries away.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_go
cd "$ROOT"
say "Cross builds (a minute or two the first time)"
scratch
for os in linux darwin windows; do
	for arch in amd64 arm64; do
		CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath -o "$SCRATCH/" ./cmd/tandem || die "tandem does not build for $os/$arch"
		note "$os/$arch builds"
	done
done
