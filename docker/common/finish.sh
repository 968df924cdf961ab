#!/usr/bin/env bash
# The last step before the models: an ordinary user, the mount points, no leftovers of the build.
set -euo pipefail
useradd --uid 1000 --user-group --no-create-home --home-dir /tmp --shell /bin/sh bench
install -d /data /opt/bench
install -d -o bench -g bench /cache
rm -rf /opt/build
