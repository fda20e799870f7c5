# shellcheck shell=bash
# The packages of real clients (scripts/clients/packages.txt), in folders below the cache. Nothing is installed into the system or the
# repository.

# client_packages REGISTRY NAME FOLDER... sets PACKAGES to a folder with the packages that the list has for the folders.
client_packages() {
	local registry=$1 name=$2 list
	shift 2
	list=$(awk -v folders=" $* " -v registry="$registry" 'index(folders, " " $1 " ") && $2 == registry {print $3 (registry == "pip" ? "==" : "@") $4}' "$ROOT/scripts/clients/packages.txt")
	PACKAGES=$CACHE/clients/$name-$(cksum <<<"$list" | cut -d' ' -f1)
	[ -d "$PACKAGES" ] || locked install_clients "$registry" "$list"
}

install_clients() {
	[ -d "$PACKAGES" ] && return
	local packages
	read -r -d '' -a packages <<<"$2" || true # ends at the end
	say "Packages of real clients (${#packages[@]} of $1; a minute the first time)"
	scratch
	mkdir -p "$SCRATCH/packages" "$CACHE/clients"
	if [ "$1" = pip ]; then
		have python3 || die "python3 is not on PATH" "install Python 3.10 or newer and try again"
		find_pip
		logged clients-pip "${PIP[@]}" install --only-binary :all: --no-warn-script-location --disable-pip-version-check --quiet \
			--target "$SCRATCH/packages" "${packages[@]}" || die "the Python packages of the clients could not be installed" \
			"next: look at the lines above; without a network, bring the packages: pip's PIP_FIND_LINKS=FOLDER is honoured"
	else
		echo '{"private": true}' >"$SCRATCH/packages/package.json"
		(cd "$SCRATCH/packages" && logged clients-npm npm install --no-audit --no-fund --save-exact "${packages[@]}") ||
			die "the npm packages of the clients could not be installed" "next: look at the lines above"
		local claude=$SCRATCH/packages/node_modules/@anthropic-ai/claude-code
		[ ! -d "$claude" ] || (cd "$claude" && logged clients-claude node install.cjs) # its program is a package of its own
	fi
	mv "$SCRATCH/packages" "$PACKAGES"
}
