#!/bin/sh
# Makes a root file system of Debian packages with this project's binaries and files in it, as an archive.
#
#   debian.sh TARGET.tar PACKAGES TREE [SOURCES…]    PACKAGES: with commas between; TREE: a folder that is laid over the root
#                                                    file system; SOURCES: as of images/base/debian.sh
set -eu
target=$1 packages=$2 tree=$3
shift 3

exec mmdebstrap --variant=minbase --format=tar --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook='rm -rf "$1"/var/cache/apt "$1"/var/lib/apt/lists' \
  --customize-hook="cp -a --no-preserve=ownership '$tree'/. \"\$1\"/" \
  --customize-hook='test ! -e "$1"/lib/systemd/systemd || chroot "$1" systemctl --quiet enable containerd images kubelet' \
  --customize-hook='test ! -e "$1"/lib/systemd/systemd || chroot "$1" systemctl --quiet set-default multi-user.target' \
  --customize-hook='test ! -e "$1"/lib/systemd/systemd || chroot "$1" systemctl --quiet mask getty.target systemd-logind timers.target e2scrub_reap' \
  bookworm "$target" "$@"
