#!/usr/bin/env bash
# usage: gather.sh FOLDER PYTHON_VERSION
# Fills FOLDER with what a machine with a card and no network needs to compare JAX and PyTorch under
# Keras 3, beside a Python of PYTHON_VERSION ("3.12", x86-64 Linux) that has the frameworks: this
# project's own wheel, those of what it and Keras need, each checked against its locked hash, and
# the script `run`. Called by `make gpu-kit`, in a checkout.
set -euo pipefail
folder=$1 version=$2
python=${VENV:-.venv}/bin/python
here=$(dirname "$0")

# What the Python there must have itself: large, and part of every such installation.
there='numpy|pandas|pyarrow'
# Not needed there: makes environments, is for Windows, builds the wheel below.
unused='uv|colorama|pywin32|tzdata|setuptools'
# What Keras 3 needs beside a backend.
of_keras='keras|absl-py|h5py|ml-dtypes|namex|optree'

# entries NAMES LOCK INVERT: the entries of a lock, with their hashes, whose names match; with INVERT 1
# those that do not.
entries() {
    awk -v names="^($1)\$" -v invert="$3" '/^[^ ]/ { split($0, part, "=="); kept = part[1] ~ names
        if (invert) kept = !kept } kept' "$2"
}

mkdir -p "$folder"
rm -rf "$folder/wheels" "$folder/run"
lock=$(mktemp)
trap 'rm -f "$lock"' EXIT
entries "$there|$unused" requirements.lock 1 >"$lock"
entries "$of_keras" docker/jax-k3/gpu.lock 0 >>"$lock"
platforms=()
for tag in 2014 _2_17 _2_27 _2_28; do
    platforms+=(--platform "manylinux${tag}_x86_64")
done
"$python" -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps \
    --only-binary :all: --python-version "$version" --implementation cp "${platforms[@]}" \
    --dest "$folder/wheels" --requirement "$lock"
"$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation \
    --wheel-dir "$folder/wheels" .
cp "$here/run" "$folder/run"
chmod +x "$folder/run"
echo "$version" >"$folder/python-version"
echo "$folder: $(du -sh "$folder" | cut -f1), for Python $version on x86-64 Linux"
echo "next, there: $folder/run /path/to/python$version   (needs a framework, numpy, pandas, pyarrow)"
