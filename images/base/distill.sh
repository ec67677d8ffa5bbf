#!/bin/sh
# Unpacks Debian packages into an otherwise empty root file system: what a program needs, and no shell or package manager.
#
#   distill.sh ROOT PACKAGE…
#
# Each package leaves its control data in var/lib/dpkg/status.d, where scanners for vulnerabilities look for it.
set -eu
root=$1
shift
work=$(mktemp -d)
chmod 755 "$work"
mkdir -p "$root/var/lib/dpkg/status.d" "$root/etc/ssl/certs" "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/tmp"
for folder in bin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
chmod 1777 "$root/tmp"

cd "$work"
apt-get download -qq -o APT::Sandbox::User=root "$@"
for package in *.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar --extract --directory "$root" --keep-directory-symlink --no-same-owner
  dpkg-deb --field "$package" > "$root/var/lib/dpkg/status.d/${package%%_*}"
done
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'nonroot:x:65532:65532::/tmp:/sbin/nologin' > "$root/etc/passwd"
echo 'nonroot:x:65532:' > "$root/etc/group"
find "$root" -type f -perm /6000 -exec chmod a-s {} + # nothing in an image becomes another user
rm -rf "$work" "$root/usr/share/man" "$root/usr/share/info" "$root/usr/share/locale" "$root/usr/share/lintian"
find "$root/usr/share/doc" -type f ! -name copyright -delete 2> /dev/null || true
