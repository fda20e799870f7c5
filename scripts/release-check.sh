#!/usr/bin/env bash
# Checks .goreleaser.yaml with goreleaser itself, built once.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$ROOT/scripts/tools.sh"
cd "$ROOT"
go_tool goreleaser "$GORELEASER_VERSION" github.com/goreleaser/goreleaser/v2 "3 to 4 minutes on 2 cores"
exec "$TOOL" check
