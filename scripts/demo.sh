#!/usr/bin/env bash
# The president chain on a real model of this machine: set-up, build, run. Everything it makes lies below the cache.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_go
"$ROOT/scripts/setup.sh"
cd "$ROOT"
say "Building tandem (half a minute the first time)"
BIN=$CACHE/bin/tandem make --no-print-directory build
say "tandem run examples/president.yaml -p country=\"United States of America\""
exec "$CACHE/bin/tandem" run examples/president.yaml -p country="United States of America"
