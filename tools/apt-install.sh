#!/bin/sh
# Installs Debian packages where that needs no question: as root, or with a sudo that asks no password.
# Usage: tools/apt-install.sh PACKAGE...     Fails where it may not.
set -eu
command -v apt-get >/dev/null || exit 1
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root='sudo -n'
else
    exit 1
fi
get() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y "$@" </dev/null >/dev/null 2>&1; }
get install --no-install-recommends "$@" || { get update && get install --no-install-recommends "$@"; }
