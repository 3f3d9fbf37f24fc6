#!/bin/sh
# Puts a built program where a Debian package has its parts, with what belongs to
# it: the manual, completion for bash, zsh and fish, and the systemd units.
#
#     packaging/install.sh target/release/bluegate
#
# DESTDIR is the root to install into, for packages; PREFIX is /usr.
set -eu
program=${1:?usage: packaging/install.sh PROGRAM}
units=$(dirname "$0")/systemd
prefix=${DESTDIR:-}${PREFIX:-/usr}

install -D -m 755 "$program" "$prefix/bin/bluegate"
install -D -m 644 -t "$prefix/lib/systemd/system" "$units/bluegate.service" "$units/bluegate.socket"
# A page of a command that is gone must not stay.
rm -f "$prefix"/share/man/man1/bluegate.1 "$prefix"/share/man/man1/bluegate-*.1
"$program" man "$prefix/share/man/man1" >/dev/null
complete() {
    mkdir -p "$prefix/share/$2"
    "$program" completion "$1" >"$prefix/share/$2/$3"
}
complete bash bash-completion/completions bluegate
complete zsh zsh/vendor-completions _bluegate
complete fish fish/vendor_completions.d bluegate.fish
