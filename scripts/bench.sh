#!/usr/bin/env bash
# Measures Tandem against a floor written by hand with go-openai: see docs/benchmarks.md. Needs no network, no engine, no key.
#
#   scripts/bench.sh [-rounds N] [-runs N] [-json | -markdown]
#   STREAMS=10000 scripts/bench.sh        measures so many streams at once, and nothing else
#   GATEWAY=1 scripts/bench.sh            measures `tandem serve` against a reverse proxy, and nothing else
#   PEERS=1 scripts/bench.sh              measures langchaingo, Eino and two template libraries in the same run (downloads their modules)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need_go
cd "$ROOT"
scratch

# build NAME FOLDER builds a program as releases are built.
build() { CGO_ENABLED=0 go build -C "$2" -trimpath -ldflags '-s -w' -o "$SCRATCH/$1" .; }

say "Building the programs"
build bench internal/bench/cmd/bench
if [ -n "${STREAMS:-}" ]; then
	say "Opening $STREAMS streams at once, twice"
	"$SCRATCH/bench" -streams "$STREAMS" "$@"
	exit
fi
if [ -n "${GATEWAY:-}" ]; then
	build tandem cmd/tandem
	say "Measuring \`tandem serve\` against a proxy (two minutes), and 10000 streams that wait in it"
	"$SCRATCH/bench" -gateway -tandem "$SCRATCH/tandem" -rounds 7 "$@"
	"$SCRATCH/bench" -gateway -tandem "$SCRATCH/tandem" -streams 10000 "$@"
	exit
fi
build hello internal/bench/cmd/hello
build oneprompt internal/bench/cmd/oneprompt
build tandem cmd/tandem

others=()
if [ -n "${PEERS:-}" ]; then
	say "Building the peers (their modules are downloaded; minutes the first time)"
	if logged peers build peers internal/bench/peers; then
		for peer in langchaingo eino mustache gonja; do others+=(-peer "$peer=$SCRATCH/peers $peer"); done
	else
		note "the peers are left out"
	fi
fi
ollama=$(command -v ollama || true)
[ -n "$ollama" ] || ollama=$CACHE/bin/ollama
if [ -x "$ollama" ]; then
	others+=(-program "ollama --version=$ollama --version")
else
	note "there is no ollama on PATH or in $CACHE: its start-up is left out"
fi

# The start-up of the real command line. The bench gives the base URL; nothing of the user's own configuration is read.
cat >"$SCRATCH/config.yaml" <<-'YAML'
	use: openai
	providers:
	  - name: openai
	    kind: openai
	    model: fake
	    api_key: env:OPENAI_API_KEY
YAML
export XDG_STATE_HOME=$SCRATCH/state OPENAI_API_KEY=sk-not-a-key
say "Measuring (a few minutes; a machine that does nothing else gives the least spread)"
"$SCRATCH/bench" \
	-program "hello world=$SCRATCH/hello" \
	-program "one prompt with go-openai=$SCRATCH/oneprompt" \
	-program "tandem version=$SCRATCH/tandem version" \
	-program "tandem ask=$SCRATCH/tandem --config $SCRATCH/config.yaml ask hello" \
	-tandem "$SCRATCH/tandem --config $SCRATCH/config.yaml" \
	${others[@]+"${others[@]}"} "$@"
