# shellcheck shell=bash
# Files out of Debian's archive for anyone: a package is downloaded and unpacked below the cache, never installed, so that it works
# without root and changes nothing outside the cache.

# debian_package NAME sets DEBIAN_PACKAGE to a folder with the package's files, or fails where there is no apt.
debian_package() {
	DEBIAN_PACKAGE=$CACHE/debian/$1
	[ -d "$DEBIAN_PACKAGE" ] && return
	if ! have apt-get || ! have dpkg; then
		note "$1 is a Debian package and this machine has no apt"
		return 1
	fi
	scratch
	local work=$SCRATCH
	apt_download "$work" "$1" -o APT::Sandbox::User=root 2>/dev/null || own_apt "$work" "$1" || return 1
	logged "debian-$1" dpkg -x "$work"/*.deb "$work/files" || return 1
	mkdir -p "$CACHE/debian"
	mv "$work/files" "$DEBIAN_PACKAGE"
}

# own_apt FOLDER NAME downloads with package lists of our own: the system's may be empty or stale, and only root may renew them.
own_apt() {
	local apt=$CACHE/apt
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	local options=(-o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o APT::Sandbox::User=root)
	if ! compgen -G "$apt/lists/*Packages*" >/dev/null || ! apt_download "$@" "${options[@]}" 2>/dev/null; then
		note "reading Debian's package lists (half a minute)"
		logged debian-lists apt-get update "${options[@]}" && apt_download "$@" "${options[@]}"
	fi
}

# apt_download FOLDER NAME OPTION...
apt_download() {
	local folder=$1 name=$2
	shift 2
	(cd "$folder" && logged "debian-$name" apt-get download "$@" "$name")
}

# find_strace sets STRACE to a strace that runs here: the one on PATH, else Debian's below the cache. Empty: there is none.
find_strace() {
	STRACE=$(command -v strace || true)
	[ -z "$STRACE" ] && [ "$(uname -s)" = Linux ] || return 0
	STRACE=$CACHE/bin/strace
	"$STRACE" -V >/dev/null 2>&1 && return
	STRACE=
	debian_package libunwind8 || return 0
	local libraries=$DEBIAN_PACKAGE/usr/lib
	debian_package strace || return 0
	# shellcheck disable=SC2016 # it is the new script that expands them
	printf '#!/bin/sh\nLD_LIBRARY_PATH=$(echo "%s"/*) exec "%s/usr/bin/strace" "$@"\n' "$libraries" "$DEBIAN_PACKAGE" >"$CACHE/bin/strace.new"
	chmod +x "$CACHE/bin/strace.new"
	mv "$CACHE/bin/strace.new" "$CACHE/bin/strace"
	STRACE=$CACHE/bin/strace
}
