#!/usr/bin/env bash
# Installs /opt/build/requirements.lock, every file checked against its hash.
set -euo pipefail
"$(dirname "$0")/install-locked.sh" /opt/build/requirements.lock \
    --progress-bar off --no-build-isolation
