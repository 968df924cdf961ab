# shellcheck shell=bash
# Sourced by the scripts that install apt's packages: apt_update once, then apt_install.
# shellcheck source=docker/common/ca.sh
. "$(dirname "$0")/ca.sh"
trust_build_ca
export DEBIAN_FRONTEND=noninteractive

apt_update() {
    apt-get update -qq -o Acquire::Languages=none # no descriptions: they are a third of its work
}

# usage: apt_install PACKAGE...: install them, and leave no lists and archives in the image.
apt_install() {
    apt-get install -y -qq --no-install-recommends "$@"
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
}
