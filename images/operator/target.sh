#!/bin/sh
# Prepares a Debian for making the operator's image of another architecture without running what is in it, and writes how to
# /build/target, for the steps that follow.
#
#   target.sh ARCHITECTURE    in Debian's and the image's words: amd64, arm64; none: this machine's own
#
# of      what follows the name of a package that has machine code
# strip   the command that takes a library's symbols out
# wheels  options of uv that choose the wheels
# try     what runs a program of the new root file system, with that as its root
set -eu
own=$(dpkg --print-architecture)
wanted=${1:-$own}

if [ "$wanted" = "$own" ]; then
  printf '%s\n' 'of=' 'strip=strip' 'wheels=' 'try="chroot /out"' > /build/target
  exit
fi
case $wanted in
  arm64) machine=aarch64 ;;
  amd64) machine=x86_64 ;;
  *) echo "no images are made for $wanted" >&2 && exit 1 ;;
esac
dpkg --add-architecture "$wanted"
apt-get update -qq
apt-get install -y -qq --no-install-recommends "binutils-$(echo $machine | tr _ -)-linux-gnu" qemu-user-static
cat > /build/target << END
of=:$wanted
strip=$machine-linux-gnu-strip
wheels="--python-platform $machine-manylinux_2_36 --python-version 3.11 --only-binary :all:"
try="chroot /out /emulator"
END
mkdir -p /out
cp "/usr/bin/qemu-$machine-static" /out/emulator
