#!/usr/bin/env bash
# usage: install-locked.sh LOCK [PIP_OPTION...]
# Installs what LOCK pins into the python3 of PATH, every file checked against its hash.
# PIP_INDEX_URL may name another index; wheels and source archives in /opt/build/wheels serve beside
# it (their hashes must match too), or alone if a file .complete lies with them.
set -euo pipefail
# shellcheck source=docker/common/ca.sh
. "$(dirname "$0")/ca.sh"
trust_build_ca

lock=$1
shift
[ -n "${PIP_INDEX_URL:-}" ] || unset PIP_INDEX_URL
if compgen -G '/opt/build/wheels/*' >/dev/null; then
    export PIP_FIND_LINKS=/opt/build/wheels
fi
if [ -e /opt/build/wheels/.complete ]; then
    export PIP_NO_INDEX=1
fi
# The locks are complete, so no dependency is looked up: Keras 2.0.8 would draw in Theano.
python3 -m pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes --no-deps "$@" -r "$lock"
