#!/usr/bin/env bash
# usage: apt-install.sh PACKAGE...   (a version may follow: PACKAGE=VERSION)
set -euo pipefail
# shellcheck source=docker/common/ca.sh
. "$(dirname "$0")/ca.sh"
trust_build_ca

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$@"
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
