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

# find_shells sets SHELLS to a folder with those of zsh and fish that are not on PATH, from Debian. What cannot be had is missing
# there, and the tests say so.
find_shells() {
	SHELLS=$CACHE/shells
	[ "$(uname -s)" = Linux ] || return 0
	mkdir -p "$SHELLS"
	have zsh || [ -x "$SHELLS/zsh" ] || find_zsh || note "zsh is not on PATH and did not come"
	have fish || [ -x "$SHELLS/fish" ] || find_fish || note "fish is not on PATH and did not come"
}

# zsh looks for its modules in one place only, until a .zshenv names another; ours does, and then reads the one that it replaced.
find_zsh() {
	local dots=$CACHE/debian/zsh-dots functions modules
	debian_package zsh-common || return 1
	functions=$(find "$DEBIAN_PACKAGE/usr/share/zsh/functions" -type d | tr '\n' ':')
	debian_package zsh || return 1
	modules=$(echo "$DEBIAN_PACKAGE"/usr/lib/*/zsh/*)
	mkdir -p "$dots"
	cat >"$dots/.zshenv" <<-END
		module_path=('$modules')
		ZDOTDIR=\$REPLACED_ZDOTDIR
		unset REPLACED_ZDOTDIR
		[[ ! -r \$ZDOTDIR/.zshenv ]] || source "\$ZDOTDIR/.zshenv"
	END
	cat >"$SHELLS/zsh.new" <<-END
		#!/bin/sh
		FPATH='$functions' REPLACED_ZDOTDIR=\${ZDOTDIR:-\$HOME} ZDOTDIR='$dots' exec '$DEBIAN_PACKAGE/bin/zsh' "\$@"
	END
	chmod +x "$SHELLS/zsh.new"
	mv "$SHELLS/zsh.new" "$SHELLS/zsh"
}

# fish finds its files beside bin, if share and etc are there, too.
find_fish() {
	local tree=$CACHE/debian/fish-tree libraries
	debian_package libpcre2-32-0 || return 1
	libraries=$DEBIAN_PACKAGE/usr/lib
	debian_package fish-common || return 1
	rm -rf "$tree"
	mkdir -p "$tree/bin" "$tree/share" "$tree/etc"
	cp -R "$DEBIAN_PACKAGE/usr/share/fish" "$tree/share/"
	cp -R "$DEBIAN_PACKAGE/etc/fish" "$tree/etc/"
	debian_package fish || return 1
	cp "$DEBIAN_PACKAGE/usr/bin/fish" "$tree/bin/"
	# shellcheck disable=SC2016 # it is the new script that expands them
	printf '#!/bin/sh\nLD_LIBRARY_PATH=$(echo "%s"/*) exec "%s/bin/fish" "$@"\n' "$libraries" "$tree" >"$SHELLS/fish.new"
	chmod +x "$SHELLS/fish.new"
	mv "$SHELLS/fish.new" "$SHELLS/fish"
}
