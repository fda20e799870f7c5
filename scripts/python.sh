# shellcheck shell=bash
# Python packages as a source of prebuilt things: the model's weights, llama.cpp's server, shellcheck. Each lies in a folder of its own
# below the cache, so nothing is installed into the system's Python or the user's, and no virtual environment is needed.

# python_package NAME==VERSION [ABOUT] sets PACKAGE to the folder that holds the package, and installs it there when it is not.
python_package() {
	PACKAGE=$CACHE/python/$1
	[ -d "$PACKAGE" ] || locked install_package "$@"
}

install_package() {
	[ -d "$PACKAGE" ] && return
	have python3 || die "python3 is not on PATH" "it is needed for the package ${1%%==*}: install Python 3.10 or newer and try again"
	say "Python package $1 (${2:-a few seconds})"
	scratch
	find_pip
	logged "python-${1%%==*}" "${PIP[@]}" install --no-deps --only-binary "${3:-:all:}" --no-warn-script-location --disable-pip-version-check \
		--quiet --target "$SCRATCH/package" "$1" ||
		die "Python package $1 could not be installed" \
			"tried: ${PIP[*]} install --no-deps --target … $1, with $(python3 --version)" \
			"next: look at the lines above; without a network, bring the package: pip's PIP_FIND_LINKS=FOLDER is honoured"
	mkdir -p "$CACHE/python"
	mv "$SCRATCH/package" "$PACKAGE"
}

# find_pip sets PIP to a pip that runs here: Python's own, else one from a virtual environment, else the one in Debian's archive.
find_pip() {
	PIP=(python3 -m pip)
	"${PIP[@]}" --version >/dev/null 2>&1 && return
	PIP=("$CACHE/pip/bin/python" -m pip)
	"${PIP[@]}" --version >/dev/null 2>&1 && return
	if python3 -c 'import venv, ensurepip; ensurepip.version()' 2>/dev/null; then
		rm -rf "$CACHE/pip"
		logged pip python3 -m venv "$CACHE/pip" && return
	fi
	if debian_package python3-pip-whl; then
		local wheel
		for wheel in "$DEBIAN_PACKAGE"/usr/share/python-wheels/pip-*.whl; do
			PIP=(python3 "$wheel/pip")
			"${PIP[@]}" --version >/dev/null 2>&1 && return
		done
	fi
	die "python3 has no pip" "tried: python3 -m pip, python3 -m venv, Debian's python3-pip-whl" \
		"next: install pip (Debian: python3-pip; Fedora: python3-pip; macOS: xcode-select --install) and try again"
}
