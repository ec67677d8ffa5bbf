#!/bin/sh
# Makes a Debian 12 root file system like upstream's debian:12-slim from Debian's own packages, for machines that reach
# no image registry.
#
#   debian.sh TARGET.tar [SOURCES…]    SOURCES: files as in /etc/apt/sources.list.d, of the machine's own mirrors
#
# The mirrors are used while it is made and do not stay in it: the archive names Debian's public addresses.
set -eu
target=$1
shift

exec mmdebstrap --variant=minbase --format=tar \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/info/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='rm -rf "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*' \
  --customize-hook='{
    echo "deb http://deb.debian.org/debian bookworm main"
    echo "deb http://deb.debian.org/debian bookworm-updates main"
    echo "deb http://deb.debian.org/debian-security bookworm-security main"
  } > "$1"/etc/apt/sources.list' \
  bookworm "$target" "$@"
