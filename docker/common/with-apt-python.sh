#!/usr/bin/env bash
# usage: with-apt-python.sh PACKAGE...
# Says the PACKAGEs where python3 is apt's own: they belong to it. A Python of the base image's brings
# its headers and its library itself.
set -euo pipefail
if dpkg --search "$(readlink -f "$(command -v python3)")" >/dev/null 2>&1; then
    echo "$@"
fi
