#!/usr/bin/env bash
# usage: apt-install.sh PACKAGE...   (a version may follow: PACKAGE=VERSION)
set -euo pipefail
# shellcheck source=docker/common/apt.sh
. "$(dirname "$0")/apt.sh"

apt_update
apt_install "$@"
