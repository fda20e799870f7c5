#!/usr/bin/env bash
# Checks packaging/kubernetes with kubeconform, against the schemas of that Kubernetes: an unknown or misspelt field fails.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$ROOT/scripts/tools.sh"
cd "$ROOT"

# make_schemas writes a JSON schema for each kind to SCHEMAS, from the OpenAPI description that comes with Kubernetes' source.
make_schemas() {
	[ -d "$SCHEMAS" ] && return
	say "Making the schemas of Kubernetes $KUBERNETES_VERSION (once)"
	scratch
	local module
	module=$(cd "$SCRATCH" && GOFLAGS='' GOWORK=off go mod download -json "k8s.io/kubernetes@v$KUBERNETES_VERSION") ||
		die "the source of Kubernetes $KUBERNETES_VERSION could not be downloaded" "next: look at the network and at go env GOPROXY"
	python3 scripts/kubernetes_schemas.py "$(printf '%s' "$module" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')" "$SCRATCH/schemas"
	mv "$SCRATCH/schemas" "$SCHEMAS"
}

go_tool kubeconform "$KUBECONFORM_VERSION" github.com/yannh/kubeconform/cmd/kubeconform "half a minute"
SCHEMAS=$CACHE/kubernetes-schemas-$KUBERNETES_VERSION
[ -d "$SCHEMAS" ] || locked make_schemas
say "kubeconform"
"$TOOL" -strict -summary -schema-location "$SCHEMAS/{{.ResourceKind}}{{.KindSuffix}}.json" packaging/kubernetes
