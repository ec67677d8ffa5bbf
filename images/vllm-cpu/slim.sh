#!/bin/sh
# Takes out of a site-packages folder what a vLLM that only serves on the CPU never opens.
#
#   slim.sh SITE_PACKAGES
#
# What stays is unchanged code. What goes: symbols for debuggers, headers and compilers' input, tests, type stubs, sources
# of compiled modules, and numba with its compiler, which only n-gram speculative decoding would use.
set -eu
cd "$1"

# The libraries in *.libs were moved by patchelf, and strip breaks them.
find . \( -name '*.so' -o -name '*.so.*' \) ! -path './*.libs/*' -exec strip --strip-unneeded {} +

rm -rf torch/include torch/share torch/bin/protoc* torchgen/packaged \
  numba numba-*.dist-info llvmlite llvmlite-*.dist-info \
  pycountry/locales mistral_common/data/*.json
find . -depth -type d \( -name tests -o -name __pycache__ \) ! -path './torch/*' -exec rm -rf {} +
find . -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name '*.hpp' -o -name '*.cuh' -o -name '*.a' -o -name '*.lock' \) -delete
