#!/usr/bin/env bash
# usage: install-python.sh [PACKAGE...]
# Installs PACKAGE... of apt's, and its python3 unless the base image has a Python 3.5 or 3.6;
# then brings pip, setuptools and wheel to the last releases for Python 3.5, by hash.
set -euo pipefail
common=$(dirname "$0")

usable() {
    command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1 &&
        python3 -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 5), (3, 6)))'
}

if ! usable; then
    set -- ca-certificates python3 python3-pip python3-setuptools python3-wheel "$@"
fi
if [ $# -gt 0 ]; then
    "$common/apt-install.sh" "$@"
fi
if ! usable; then
    echo "install-python: needs Python 3.5 or 3.6 with pip; this base image offers" \
        "$(python3 --version 2>&1). Begin at ubuntu:16.04, or at an image of .ci/make-base." >&2
    exit 1
fi

"$common/install-locked.sh" "$common/bootstrap-3.5.lock"
python3 --version
python3 -m pip --version
