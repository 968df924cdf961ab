#!/usr/bin/env bash
# usage: install-mpi.sh [PACKAGE...]   (of apt's, to be installed with it)
# CNTK's wheels load libmpi.so.12 and libmpi_cxx.so.1: Open MPI 1.10, which ubuntu:16.04 has.
# Newer bases have newer ones; these serve under the old names (training in one process never
# calls them).
set -euo pipefail
# shellcheck source=docker/common/apt.sh
. "$(dirname "$0")/apt.sh"

apt_update
offered=$(apt-cache --names-only search '^libopenmpi(1\.10|2|3|40|3t64|40t64)$' | cut -d ' ' -f 1)
package=$(sort <<<"$offered" | head -n 1)
if [ -z "$package" ]; then
    echo "install-mpi: apt offers no libopenmpi of version 1.10 to 5" >&2
    exit 1
fi
apt_install "$package" "$@"

# usage: provide NAME STEM: make NAME loadable from the newest STEM.so.* that is installed.
provide() {
    local newest
    if ldconfig -p | grep -F "$1 " >/dev/null; then return 0; fi
    newest=$(ldconfig -p | awk -v stem="$2.so." 'index($1, stem) == 1 { print $NF }' |
        sort -V | tail -n 1)
    if [ -z "$newest" ]; then
        echo "install-mpi: $package brought no $2" >&2
        exit 1
    fi
    ln -s "$newest" "$(dirname "$newest")/$1"
}
provide libmpi.so.12 libmpi
provide libmpi_cxx.so.1 libmpi_cxx
