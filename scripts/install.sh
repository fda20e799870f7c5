#!/usr/bin/env bash
# install.sh BINARY puts tandem, its manual pages and completions below PREFIX; install.sh --uninstall removes them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
[ "$(id -u)" = 0 ] && default=/usr/local || default=${HOME:?is not set}/.local
prefix=${PREFIX:-$default}
to=${DESTDIR:-}$prefix
if [ "$1" = --uninstall ]; then
	for file in "$to/bin/tandem" "$to/share/man/man1/tandem.1" "$to"/share/man/man1/tandem-*.1 \
		"$to/share/bash-completion/completions/tandem" "$to/share/zsh/site-functions/_tandem" "$to/share/fish/vendor_completions.d/tandem.fish"; do
		[ -e "$file" ] || continue
		rm -f "$file" || die "$file cannot be removed"
		gone=1
	done
	if [ "${gone:-}" ]; then
		say "tandem is removed from $to"
		note "its configuration and its log stay; ~/.config/tandem, ~/.local/share/tandem and ~/.local/state/tandem are yours to remove"
	else
		say "tandem is not installed below $to"
	fi
	exit
fi
scratch
say "writing manual pages and completions"
go run ./cmd/manpages "$SCRATCH"
mkdir -p "$to/bin" 2>/dev/null && [ -w "$to/bin" ] ||
	die "$to/bin cannot be written to" "next: make install PREFIX=DIR, with a folder of yours"
# put MODE FILE DESTINATION
put() {
	mkdir -p "$(dirname "$3")"
	cp "$2" "$3.new"
	chmod "$1" "$3.new"
	mv "$3.new" "$3" # a tandem that runs keeps its file
}
put 755 "$1" "$to/bin/tandem"
for page in "$SCRATCH"/man1/*; do
	put 644 "$page" "$to/share/man/man1/$(basename "$page")"
done
put 644 "$SCRATCH/completions/tandem.bash" "$to/share/bash-completion/completions/tandem"
put 644 "$SCRATCH/completions/tandem.zsh" "$to/share/zsh/site-functions/_tandem"
put 644 "$SCRATCH/completions/tandem.fish" "$to/share/fish/vendor_completions.d/tandem.fish"
say "tandem is installed: $to/bin/tandem"
case :$PATH: in
*:"$prefix/bin":*) ;;
*) note "$prefix/bin is not on your PATH; add: export PATH=\"$prefix/bin:\$PATH\"" ;;
esac
case $prefix:${SHELL:-} in
/usr:* | /usr/local:*) ;; # zsh looks there by itself
*/zsh) note "for zsh's completion, add to ~/.zshrc, before compinit: fpath=(\"$prefix/share/zsh/site-functions\" \$fpath)" ;;
esac
