"""Only the pinned signing keys of a package repository are trusted."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docker" / "common" / "trust-key.sh"

pytestmark = pytest.mark.skipif(
    not (shutil.which("gpg") and shutil.which("curl")), reason="needs gpg and curl"
)


def gpg(home: str, *arguments: str) -> bytes:
    command = ["gpg", "--homedir", home, "--batch", "--quiet", *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def key():
    """A key made for the tests: its fingerprint and its public part."""
    with tempfile.TemporaryDirectory() as home:  # short: gpg's agent has a socket in it
        gpg(home, "--passphrase", "", "--quick-generate-key", "tests", "ed25519", "sign", "never")
        listed = gpg(home, "--with-colons", "--fingerprint").decode()
        fingerprint = next(
            line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr")
        )
        public = gpg(home, "--armor", "--export")
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "gpg-agent"], check=False)
    return fingerprint, public


def trust(tmp_path: Path, *fingerprints: str) -> subprocess.CompletedProcess:
    keyring = tmp_path / "keyrings" / "ours.gpg"
    return subprocess.run(
        ["bash", SCRIPT, keyring, tmp_path.as_uri(), *fingerprints],
        capture_output=True,
        text=True,
        check=False,
    )


def publish(tmp_path: Path, fingerprint: str, content: bytes) -> None:
    (tmp_path / f"{fingerprint[-8:].lower()}.pub").write_bytes(content)


def test_writes_the_pinned_key(key, tmp_path):
    fingerprint, public = key
    publish(tmp_path, fingerprint, public)
    assert trust(tmp_path, fingerprint).returncode == 0
    assert (tmp_path / "keyrings" / "ours.gpg").stat().st_size > 0


def test_one_of_two_pinned_keys_is_enough(key, tmp_path):
    fingerprint, public = key
    publish(tmp_path, fingerprint, public)
    assert trust(tmp_path, "A" * 40, fingerprint).returncode == 0


def test_another_key_under_the_same_short_name_is_refused(key, tmp_path):
    fingerprint, public = key
    expected = "0" * 32 + fingerprint[-8:]
    publish(tmp_path, fingerprint, public)
    run = trust(tmp_path, expected)
    assert run.returncode == 1
    assert expected in run.stderr
    assert fingerprint in run.stderr
    assert not (tmp_path / "keyrings").exists()


def test_a_page_instead_of_a_key_is_refused(key, tmp_path):
    fingerprint, _ = key
    publish(tmp_path, fingerprint, b"<html>not here</html>")
    run = trust(tmp_path, fingerprint)
    assert run.returncode == 1
    assert "found    no key" in run.stderr


def test_no_key_at_all_is_refused(tmp_path):
    run = trust(tmp_path, "A" * 40)
    assert run.returncode == 1
    assert "none of the pinned keys" in run.stderr
