#!/usr/bin/env bash
# Installs /opt/build/requirements.lock, every file checked against its hash. PIP_INDEX_URL may
# name another index; wheels in /opt/build/wheels serve beside it (their hashes must match too).
set -euo pipefail
# shellcheck source=docker/common/ca.sh
. "$(dirname "$0")/ca.sh"
trust_build_ca

[ -n "${PIP_INDEX_URL:-}" ] || unset PIP_INDEX_URL
if compgen -G '/opt/build/wheels/*.whl' >/dev/null; then
    export PIP_FIND_LINKS=/opt/build/wheels
fi
# The locks are complete, so no dependency is looked up: Keras 2.0.8 would draw in Theano.
python3 -m pip install --no-cache-dir --disable-pip-version-check --progress-bar off \
    --require-hashes --no-deps --no-build-isolation -r /opt/build/requirements.lock
