#!/usr/bin/env bash
# usage: download-locked.sh FOLDER LOCK...
# Downloads into FOLDER the files that install-locked.sh would install from these locks here, every
# file checked against its hash. Says the version of Python that they are for, first.
set -euo pipefail
# shellcheck source=docker/common/ca.sh
. "$(dirname "$0")/ca.sh"
trust_build_ca

folder=$1
shift
[ -n "${PIP_INDEX_URL:-}" ] || unset PIP_INDEX_URL
if compgen -G '/opt/build/wheels/*' >/dev/null; then
    export PIP_FIND_LINKS=/opt/build/wheels
fi
if [ -e /opt/build/wheels/.complete ]; then
    export PIP_NO_INDEX=1
fi
python3 --version
for lock in "$@"; do
    python3 -m pip download --no-cache-dir --disable-pip-version-check \
        --progress-bar off --require-hashes --no-deps --no-build-isolation --dest "$folder" -r "$lock"
done
