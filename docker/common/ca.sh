# shellcheck shell=bash
# Sourced by the scripts that reach the network: trust the build's extra CA bundle, if it holds
# any, for pip, curl and apt, in this build step only.
trust_build_ca() {
    local bundle=/opt/build/ca-bundle.pem system=/etc/ssl/certs/ca-certificates.crt folder
    [ -s "$bundle" ] || return 0
    folder=$(mktemp -d)
    chmod 755 "$folder" # apt fetches as a user of its own
    cat "$bundle" >"$folder/ca.pem"
    if [ -s "$system" ]; then cat "$system" >>"$folder/ca.pem"; fi
    echo "Acquire::https::CaInfo \"$folder/ca.pem\";" >"$folder/apt.conf"
    export PIP_CERT=$folder/ca.pem REQUESTS_CA_BUNDLE=$folder/ca.pem
    export CURL_CA_BUNDLE=$folder/ca.pem APT_CONFIG=$folder/apt.conf
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$folder'" EXIT
}
