#!/bin/sh
# Installs locked Python requirements inside an image build, by uv.
#
#   install.sh REQUIREMENTS WHERE…    WHERE: --target FOLDER, or --python INTERPRETER, and other options of uv such as
#                                     --require-hashes; nothing but what REQUIREMENTS lists is installed
#
# /run/secrets/settings, where the builder gives it, exports the machine's own package index and certificates.
set -eu
requirements=$1
shift
if [ -s /run/secrets/settings ]; then . /run/secrets/settings; fi

if ! command -v uv > /dev/null; then
  PYTHONPATH=$(ls /usr/share/python-wheels/pip-*.whl) python3 -m pip install --quiet --no-deps --require-hashes \
    --root-user-action=ignore --break-system-packages --no-cache-dir --requirement "$(dirname "$0")/uv.txt"
fi
export UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_NO_PROGRESS=1
uv pip install --no-deps --requirement "$requirements" "$@"
