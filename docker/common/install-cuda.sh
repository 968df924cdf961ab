#!/usr/bin/env bash
# usage: install-cuda.sh PACKAGE=VERSION...
# Adds NVIDIA's two package repositories for Ubuntu 16.04, their keys pinned by fingerprint, and
# installs the packages named (of NVIDIA's or of Ubuntu's).
set -euo pipefail
common=$(dirname "$0")

site=https://developer.download.nvidia.com/compute
cuda=$site/cuda/repos/ubuntu1604/x86_64
learning=$site/machine-learning/repos/ubuntu1604/x86_64
new_key=EB693B3035CD5710E231E123A4B469963BF863CC # since April 2022
old_key=AE09FE4BBD223A84B2CCFCE3F60F4B3D7FA2AF80 # seen on machine-learning in August 2022 still

# shellcheck disable=SC1091 # the base image's
. /etc/os-release
if [ "${ID:-} ${VERSION_ID:-}" != 'ubuntu 16.04' ]; then
    echo "install-cuda: CUDA 8 and 9 come from NVIDIA's packages for Ubuntu 16.04; this base is" \
        "${PRETTY_NAME:-unknown}. Begin at ubuntu:16.04, or build for DEVICE=cpu." >&2
    exit 1
fi

"$common/apt-install.sh" apt-transport-https ca-certificates curl gnupg
"$common/trust-key.sh" /usr/share/keyrings/nvidia-cuda.gpg "$cuda" "$new_key"
"$common/trust-key.sh" /usr/share/keyrings/nvidia-learning.gpg "$learning" "$new_key" "$old_key"
cat >/etc/apt/sources.list.d/nvidia.list <<LIST
deb [signed-by=/usr/share/keyrings/nvidia-cuda.gpg] $cuda /
deb [signed-by=/usr/share/keyrings/nvidia-learning.gpg] $learning /
LIST
"$common/apt-install.sh" "$@"

installed=(/usr/local/cuda-[0-9]*)
ln -sfn "${installed[0]}" /usr/local/cuda
printf '%s\n' /usr/local/cuda/lib64 /usr/local/cuda/targets/x86_64-linux/lib \
    >/etc/ld.so.conf.d/nvidia-cuda.conf
ldconfig
