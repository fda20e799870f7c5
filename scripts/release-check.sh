#!/usr/bin/env bash
# Checks .goreleaser.yaml with goreleaser itself, built once, and builds a release here: each platform's archive, the packages, the checksums and what
# they are made of. It leaves out what needs a key (signatures) or a container engine
# (the image, of which scripts/image-check.sh checks what can be without one). RELEASE_DIR keeps the files there.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
source "$ROOT/scripts/tools.sh"
go_tool cyclonedx-gomod "$CYCLONEDX_VERSION" github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod "half a minute on 2 cores"
SBOM=$TOOL
go_tool goreleaser "$GORELEASER_VERSION" github.com/goreleaser/goreleaser/v2 "3 to 4 minutes on 2 cores"
scratch
ln -s "$SBOM" "$SCRATCH/cyclonedx-gomod"

# goreleaser wants a clean repository with a tag, and writes into it: it gets a copy of the files that git knows or would add.
copy=$SCRATCH/tandem
mkdir "$copy"
cd "$ROOT"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
	[ -e "$file" ] && printf '%s\0' "$file"
done | tar --null -T - -cf - | tar -C "$copy" -xf -
cd "$copy"
git init -q -b main .
git add -A
git -c user.name=tandem -c user.email=tandem@localhost -c commit.gpgsign=false commit -qm release
git tag v0.0.0

"$TOOL" check
say "Building a release for every platform (a minute or two the first time)"
logged release env PATH="$SCRATCH:$PATH" "$TOOL" release --clean --snapshot --skip=publish,sign,docker ||
	die "the release cannot be built" "next: look at the lines above, and at .goreleaser.yaml"

expect() {
	local file
	for file in "$@"; do
		[ -s "dist/$file" ] || die "the release has no $file" "it has: $(cd dist && echo *)"
	done
}
has() { # has ARCHIVE PATH...
	local list archive=$1
	shift
	case $archive in
	*.tar.gz) list=$(tar -tzf "$archive") ;;
	*.deb) list=$(dpkg-deb -c "$archive" 2>/dev/null || true) ;;
	esac
	local path
	for path in "$@"; do
		case $list in *"$path"*) ;; *) die "$(basename "$archive") has no $path" ;; esac
	done
}
version=$(sed -n 's/.*"version":"\([^"]*\)".*/\1/p' dist/metadata.json)
for os in linux darwin; do
	for arch in amd64 arm64; do
		expect "tandem_${version}_${os}_$arch.tar.gz"
		has "dist/tandem_${version}_${os}_$arch.tar.gz" LICENSE config.yaml examples/president.yaml man1/tandem-ask.1 completions/tandem.zsh
	done
done
for arch in amd64 arm64; do
	expect "tandem_${version}_windows_$arch.zip" "tandem_${version}_linux_$arch."{deb,rpm,apk} "tandem_${version}_linux_$arch.cdx.json"
done
expect checksums.txt homebrew/Casks/tandem.rb scoop/tandem.json
if have dpkg-deb; then
	has "dist/tandem_${version}_linux_amd64.deb" usr/bin/tandem man1/tandem-ask.1 bash-completion/completions/tandem vendor-completions/_tandem vendor_completions.d/tandem.fish
fi
if [ "$(uname -m)" = x86_64 ]; then
	"$ROOT/scripts/image-check.sh" "$(echo dist/*linux_amd64*/tandem)"
fi
note "the archives, packages, checksums and SBOMs of $version are whole"
if [ -n "${RELEASE_DIR:-}" ]; then
	mkdir -p "$RELEASE_DIR"
	cp -R dist/. "$RELEASE_DIR"
	note "they are in $RELEASE_DIR"
fi
