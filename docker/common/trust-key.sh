#!/usr/bin/env bash
# usage: trust-key.sh KEYRING REPOSITORY FINGERPRINT...
# Fetches from REPOSITORY the signing key that each FINGERPRINT names (NVIDIA names the file by
# its last eight digits), checks the full fingerprint, and writes those found to KEYRING.
set -euo pipefail
# shellcheck source=docker/common/ca.sh
. "$(dirname "$0")/ca.sh"

keyring=$1
repository=$2
shift 2
home=$(mktemp -d)
trust_build_ca

# The fingerprints of the primary keys in a file, each on a line.
fingerprints() {
    local scratch
    scratch=$(mktemp -d "$home/look.XXXXXX")
    gpg --homedir "$scratch" --batch --quiet --import "$1" 2>/dev/null || true # no key at all
    gpg --homedir "$scratch" --batch --with-colons --fingerprint |
        awk -F: '$1 == "pub" { primary = 1 } $1 == "fpr" && primary { print $10; primary = 0 }'
}

trusted=0
for expected in "$@"; do
    name=$(tail -c 9 <<<"$expected" | tr '[:upper:]' '[:lower:]').pub
    file=$home/$name
    curl -fsSL --retry 3 -o "$file" "$repository/$name" || continue
    found=$(fingerprints "$file" | paste -s -d ' ')
    if [ "$found" != "$expected" ]; then
        echo "trust-key: $repository/$name is not the pinned key:" >&2
        echo "  expected $expected" >&2
        echo "  found    ${found:-no key}" >&2
        exit 1
    fi
    gpg --homedir "$home" --batch --quiet --import "$file"
    trusted=$((trusted + 1))
done
if [ "$trusted" -eq 0 ]; then
    echo "trust-key: $repository offers none of the pinned keys: $*" >&2
    exit 1
fi
install -d "$(dirname "$keyring")"
gpg --homedir "$home" --batch --export >"$keyring"
chmod 644 "$keyring"
rm -rf "$home"
