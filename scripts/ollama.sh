# shellcheck shell=bash
# Ollama: the one that runs, the one on PATH, the official installer, or a build from its Go module, in this order.

# ollama_url prints the address that OLLAMA_HOST means to Ollama, as a client has to dial it.
ollama_url() {
	local host=${OLLAMA_HOST:-} scheme=http port=11434
	case $host in
	https://*) scheme=https port=443 ;;
	http://*) port=80 ;;
	esac
	host=${host#*://}
	host=${host%%/*}
	if [[ $host =~ ^(\[[^]]*\]|[^:]*):([0-9]+)$ ]]; then
		host=${BASH_REMATCH[1]} port=${BASH_REMATCH[2]}
	fi
	case $host in
	'' | 0.0.0.0) host=127.0.0.1 ;;
	:: | '[::]') host='[::1]' ;;
	*:*[!]]) host=[$host] ;;
	esac
	echo "$scheme://$host:$port"
}

ollama_answers() { http_get "$1/api/version" 2 >/dev/null; }

# find_ollama sets OLLAMA_BIN to the binary to use, if there is one already.
find_ollama() {
	OLLAMA_BIN=$(command -v ollama || true)
	[ -n "$OLLAMA_BIN" ] && return
	OLLAMA_BIN=$CACHE/bin/ollama
	built "$OLLAMA_BIN" "$OLLAMA_VERSION" || OLLAMA_BIN=''
	[ -n "$OLLAMA_BIN" ]
}

# ensure_ollama sets OLLAMA_BIN, and gets an Ollama when there is none.
ensure_ollama() { find_ollama || locked get_ollama; }

get_ollama() {
	find_ollama || official_ollama || { build_ollama "$OLLAMA_VERSION" "$CACHE/bin" && find_ollama; }
}

# official_ollama runs Ollama's own installer. That needs the user's word: it installs system-wide, with sudo, and starts a service.
official_ollama() {
	local url=https://ollama.com/install.sh want=${TANDEM_INSTALL_OLLAMA:-} answer
	case $want in
	build) return 1 ;;
	official | '') ;;
	*) die "TANDEM_INSTALL_OLLAMA is $want" "it may be official (Ollama's own installer) or build (from source, below the cache)" ;;
	esac
	[ "$(uname -s)" = Linux ] || return 1
	scratch
	if ! http_get "$url" 5 >"$SCRATCH/install.sh" || ! [ -s "$SCRATCH/install.sh" ]; then
		note "Ollama's installer ($url) cannot be reached from here"
		return 1
	fi
	if [ "$want" != official ]; then
		if ! [ -t 0 ]; then
			note "Ollama's installer is not run unasked (TANDEM_INSTALL_OLLAMA=official says yes)"
			return 1
		fi
		printf '==> Install Ollama with its official installer? It needs root, downloads over 1 GB and uses your GPU.\n' >&2
		printf '    Else it is built below %s (CPU only, about 3 minutes). [y/N] ' "$CACHE" >&2
		read -r answer || answer=n
		case $answer in [yY]*) ;; *) return 1 ;; esac
	fi
	say "Ollama's official installer (a minute or more, as the network is)"
	sh "$SCRATCH/install.sh" >&2 || {
		note "the installer failed; building instead"
		return 1
	}
	find_ollama
}

# built BINARY VERSION tells whether BINARY is that version, built for this very processor: -march=native does not travel.
built() { [ -x "$1" ] && [ "$(cat "$1.version" 2>/dev/null)" = "$2 $(processor)" ]; }

# ensure_newest_ollama sets NEWEST_OLLAMA to the newest Ollama, without the llama-server that runs its models (see newest.sh).
ensure_newest_ollama() {
	NEWEST_OLLAMA=$CACHE/ollama-$OLLAMA_NEWEST_VERSION/ollama
	built "$NEWEST_OLLAMA" "$OLLAMA_NEWEST_VERSION" || locked build_ollama "$OLLAMA_NEWEST_VERSION" "$(dirname "$NEWEST_OLLAMA")"
}

processor() {
	{ uname -sm && { grep -m1 -E '^(flags|Features)' /proc/cpuinfo || sysctl -n machdep.cpu.brand_string; }; } 2>/dev/null | cksum | tr -d ' \n'
}

# build_ollama VERSION FOLDER builds Ollama from its Go module.
build_ollama() {
	local version=$1 folder=$2 native=-march=native
	need_go
	have gcc || have clang || die "Ollama has to be built, and there is no C compiler" \
		"tried: a running Ollama at $(ollama_url), ollama on PATH, its installer" \
		"next: install Ollama (https://ollama.com/download), or a C and C++ compiler (Debian: gcc g++), and try again"
	have g++ || have clang++ || die "Ollama has to be built, and there is no C++ compiler" "next: install one (Debian: g++) and try again"
	say "Building Ollama $version from its Go module (3 to 5 minutes on 2 cores; once)"
	ollama_headers
	echo 'int main(void) { return 0; }' | "$(command -v gcc || command -v clang)" -march=native -x c -fsyntax-only - 2>/dev/null || native=-mcpu=native
	scratch
	# Outside the repository, lest its go.mod or a go.work have a say. Unoptimised, Ollama runs at a third of the speed.
	(cd "$SCRATCH" && logged "build-ollama-$version" env GOBIN="$SCRATCH" GOFLAGS= GOWORK=off GO111MODULE=on CGO_ENABLED=1 GOOS='' GOARCH='' \
		CGO_CFLAGS="-O3 $native" CGO_CXXFLAGS="-O3 $native -I$CACHE/inc" CGO_CPPFLAGS="-I$CACHE/inc" \
		go install -ldflags "-s -w -X github.com/ollama/ollama/version.Version=$version" "github.com/ollama/ollama@v$version") ||
		die "Ollama $version could not be built" \
			"tried: a running Ollama at $(ollama_url), ollama on PATH, its installer, a build with $(go version)" \
			"next: install Ollama (https://ollama.com/download) and try again, or mend what the lines above say"
	mkdir -p "$folder"
	mv "$SCRATCH/ollama" "$folder/ollama"
	echo "$version $(processor)" >"$folder/ollama.version"
}

# ollama_headers fills $CACHE/inc with the three vendored headers that Ollama's module lacks, unless the system has them.
ollama_headers() {
	[ -d "$CACHE/inc" ] || mkdir "$CACHE/inc"
	if ! [ -f "$CACHE/inc/miniaudio/miniaudio.h" ]; then
		local malgo
		malgo=$(cd "$CACHE" && GOFLAGS='' GOWORK=off go mod download -json "github.com/gen2brain/malgo@v$MALGO_VERSION" | sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p')
		[ -f "$malgo/miniaudio.h" ] || die "the Go module github.com/gen2brain/malgo could not be downloaded" \
			"it carries miniaudio.h, without which Ollama does not build" "next: look at the network and at go env GOPROXY, and try again"
		mkdir -p "$CACHE/inc/miniaudio"
		cp "$malgo/miniaudio.h" "$CACHE/inc/miniaudio/.new" && mv -f "$CACHE/inc/miniaudio/.new" "$CACHE/inc/miniaudio/miniaudio.h"
	fi
	header nlohmann json.hpp nlohmann-json3-dev
	header stb stb_image.h libstb-dev
}

# header FOLDER FILE PACKAGE puts the folder of headers that Debian's PACKAGE has at /usr/include/FOLDER into $CACHE/inc.
header() {
	local at
	[ -f "$CACHE/inc/$1/$2" ] && return
	rm -f "$CACHE/inc/$1" # a link whose target has gone
	for at in /usr/include /usr/local/include /opt/homebrew/include; do
		[ -f "$at/$1/$2" ] || continue
		ln -s "$at/$1" "$CACHE/inc/$1"
		return
	done
	debian_package "$3" || die "the header $1/$2 is missing, without which Ollama does not build" \
		"tried: /usr/include, /usr/local/include, /opt/homebrew/include, Debian's package $3" \
		"next: install Ollama (https://ollama.com/download), or the header (Fedora: json-devel, stb-devel; macOS: brew install nlohmann-json," \
		"and put stb_image.h of the stb library at $CACHE/inc/stb/), and try again"
	ln -s "$DEBIAN_PACKAGE/usr/include/$1" "$CACHE/inc/$1"
}
