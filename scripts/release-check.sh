#!/usr/bin/env bash
# Checks .goreleaser.yaml with goreleaser itself. Not a part of CI: goreleaser takes many minutes to build on 2 cores, and the file's
# substance, that tandem builds for every platform without cgo, is what `make cross` checks.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$ROOT/scripts/tools.sh"
cd "$ROOT"
go_tool goreleaser "$GORELEASER_VERSION" github.com/goreleaser/goreleaser/v2 "10 minutes on 2 cores"
exec "$TOOL" check
