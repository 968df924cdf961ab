#!/usr/bin/env bash
# usage: install-environment.sh VERSION
# Makes the virtual environment /opt/venv (Debian lets no pip into its own Python) from the base
# image's Python if that is VERSION, else from apt's; then brings in pip, by hash. The recipe puts
# /opt/venv/bin first on PATH.
set -euo pipefail
common=$(dirname "$0")
version=$1

usable() {
    command -v python3 >/dev/null && python3 -c 'import ensurepip, venv' 2>/dev/null &&
        [ "$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$version" ]
}

if ! usable; then
    "$common/apt-install.sh" ca-certificates python3 python3-venv
fi
if ! usable; then
    echo "install-environment: needs Python $version with venv; this base image offers" \
        "$(python3 --version 2>&1). Begin at an image that has it; Debian 12 has 3.11, Ubuntu 22.04 has 3.10." >&2
    exit 1
fi

python3 -m venv /opt/venv
"$common/install-locked.sh" "$common/bootstrap-$version.lock"
python3 --version
python3 -m pip --version
