# Everything here works from a fresh checkout, as root or not. What set-up downloads and builds lies below ~/.cache/tandem (TANDEM_CACHE).
BIN ?= bin/tandem
VERSION ?= $(shell git describe --tags --dirty 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help demo build install uninstall test test-short test-live test-newest test-clients test-browser engine-facts attack chaos bench soak lint fmt fuzz release-check clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## the president chain on a real model of this machine; sets up what is missing
	@scripts/demo.sh

build: ## bin/tandem, pure Go
	@echo '==> building $(BIN) (the first time takes one to three minutes)' >&2
	@CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X github.com/tandem-llm/tandem/internal/cli.version=$(VERSION)' -o '$(BIN)' ./cmd/tandem

install: build ## tandem, its manual pages and completions below PREFIX (~/.local, for root /usr/local; DESTDIR for packages)
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' scripts/install.sh '$(BIN)'

uninstall: ## remove what `make install` put below PREFIX
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' scripts/install.sh --uninstall

test: lint test-live ## vet, lint, the tests that reach an Ollama on the newest one, the pages in Chromium, and every test on the real engines with the race detector
	@scripts/browser.sh --if-possible
	@scripts/engines.sh run go test -race -timeout 30m ./...

test-short: ## the tests that need no engine
	@go test ./...

test-live: ## the tests that reach an Ollama, and no others, on the newest (builds llama-server the first time: 12 minutes)
	@scripts/newest.sh sh -c 'go test -race -timeout 30m $$(go run scripts/live.go)'

test-newest: ## every test on the newest Ollama
	@scripts/newest.sh go test -timeout 30m ./...

test-clients: ## real clients of npm and pip against `tandem serve` (CLIENTS_FLAGS='-only codex -v'; docs/clients.md)
	@scripts/clients.sh $(CLIENTS_FLAGS)

test-browser: ## the gateway's pages in Chromium, attacked by other pages (CHROMIUM=PROGRAM; SCREENSHOTS=DIR)
	@scripts/browser.sh

engine-facts: ## what the engines do that Tandem is built on; says what a new version changes (TANDEM_OLLAMA_BIN)
	@scripts/engines.sh run go test -count=1 -run TestFacts ./internal/testengine ./provider/ollama ./provider/openai
	@[ -n "$$TANDEM_OLLAMA_BIN" ] || scripts/newest.sh go test -count=1 -run TestFactsOfOllama ./internal/testengine

attack: ## the long form of the attacks: random faults and kills, the newest Ollama, every fuzz target (docs/security.md)
	@scripts/attack.sh

chaos: ## a cluster of nodes that meets random faults for half an hour (CHAOS=2m; CHAOS_SEED=N; docs/nodes.md)
	@scripts/chaos.sh -time $(or $(CHAOS),30m) $(if $(CHAOS_SEED),-seed $(CHAOS_SEED))

bench: ## measure against a hand-written floor (PEERS=1: other libraries too; STREAMS=10000: streams at once; GATEWAY=1: tandem serve; docs/benchmarks.md)
	@PEERS='$(PEERS)' GATEWAY='$(GATEWAY)' STREAMS='$(STREAMS)' scripts/bench.sh $(BENCH_FLAGS)

soak: ## ten minutes of questions to the gateway, in front of engines that fail (SOAK=10m RATE=200)
	@go test -count=1 -timeout 0 -run 'TestSoak$$' -v ./internal/gateway -soak $(or $(SOAK),10m) -rate $(or $(RATE),200)

lint: ## go vet, golangci-lint, shellcheck and kubeconform
	@go vet ./...
	@scripts/lint.sh
	@scripts/kubernetes.sh

fmt: ## format the Go code
	@scripts/lint.sh fmt

fuzz: ## each fuzz target for 10 s (FUZZ_TIME)
	@scripts/fuzz.sh

release-check: ## build a release here: archives, packages, SBOMs (minutes the first time: builds goreleaser; RELEASE_DIR=DIR keeps them)
	@RELEASE_DIR='$(RELEASE_DIR)' scripts/release-check.sh

clean: ## remove what `make build` made; the cache stays
	@rm -rf bin dist
