#!/usr/bin/env bash
# Nodes under random faults, for half an hour: see docs/nodes.md. Toxiproxy's modules are downloaded the first time; they are no dependency of Tandem.
#
#   scripts/chaos.sh [-time 30m] [-seed N] [-nodes 3]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_go
cd "$ROOT"
scratch
say "Building the programs"
CGO_ENABLED=0 go build -o "$SCRATCH/tandem" ./cmd/tandem
CGO_ENABLED=0 GOWORK=off go build -C scripts/chaos -o "$SCRATCH/chaos" .
"$SCRATCH/chaos" -tandem "$SCRATCH/tandem" "$@"
