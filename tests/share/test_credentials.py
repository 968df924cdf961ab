"""Credentials do not leave in a pack: planted ones of many kinds, and lines that hold none."""

import random
import string
from pathlib import Path

import pytest

from launcher_contract import make_job
from made_runs import events, write_job
from runner import paths
from runner.cli.app import main
from runner.errors import ExitCode
from runner.share.write import make_pack
from runner.spec.job import Status
from runner.store.credentials import credentials_in, doubtful_in
from runner.store.run_folder import RunStore

DIGITS, HEX = string.digits, "0123456789abcdef"
CAPITALS = string.ascii_uppercase + "234567"
PLAIN = string.ascii_letters + DIGITS
# Printed by TensorFlow 1.3 and 2.x, JAX, PyTorch, pip, uv, Docker, gcc, dpkg and the doctor.
ORDINARY = (Path(__file__).with_name("ordinary_lines.txt")).read_text().splitlines()


def made(form: str, seed: int) -> str:
    """Return a made-up secret: "{9}" are characters, "{8d}" digits, "{8h}" of hex, "{8c}" capitals.

    They are made here, so that this file holds none that a search of the repository would find.
    """
    rng, found = random.Random(seed), ""
    for part in form.replace("}", "{").split("{"):
        kinds = {"d": DIGITS, "h": HEX, "c": CAPITALS}
        count = part.rstrip("dhc")
        if count.isdecimal() and part:
            found += "".join(rng.choices(kinds.get(part[len(count) :], PLAIN), k=int(count)))
        else:
            found += part
    return found


RSA = "RSA PRIVATE KEY"
# Each in a line as a program, a server or a framework would write it: before, the secret, after.
KINDS = {
    "GitHub": ("cloning with ", "ghp_{36}", " failed"),
    "GitHub, fine-grained": ("token is ", "github_pat_{22}_{59}", ""),
    "GitHub, of an app": ("", "ghs_{36}", " has expired"),
    "GitLab": ("remote: ", "glpat-{20}", " denied"),
    "Hugging Face": ("401 for ", "hf_{34}", ""),
    "AWS key id": ("credentials of ", "AKIA{16c}", " were refused"),
    "AWS secret, by its name": ("aws_secret_access_key = ", "{40}", ""),
    "AWS session token, by its name": ("AWS_SESSION_TOKEN=", "{90}", ""),
    "OpenAI": ("key ", "sk-{48}", " is invalid"),
    "OpenAI, of a project": ("", "sk-proj-{60}", ""),
    "Anthropic": ("using ", "sk-ant-api03-{80}", ""),
    "Google API": ("?key: ", "AIza{35}", ""),
    "Google OAuth": ("", "ya29.{60}", " expired"),
    "Slack bot": ("posting with ", "xoxb-{11d}-{11d}-{24}", ""),
    "Stripe": ("", "sk_live_{24}", ""),
    "SendGrid": ("", "SG.{22}.{43}", ""),
    "Twilio": ("account ", "SK{32h}", ""),
    "npm": ("//registry.npmjs.org/:_authToken=", "npm_{36}", ""),
    "PyPI": ("uploading as __token__ with ", "pypi-AgEIcHlwaS5vcmc{80}", ""),
    "Docker Hub": ("login with ", "dckr_pat_{27}", " failed"),
    "Databricks": ("host has ", "dapi{32h}", ""),
    "DigitalOcean": ("", "dop_v1_{64h}", ""),
    "Replicate": ("", "r8_{37}", ""),
    "HashiCorp Vault": ("", "hvs.{24}", ""),
    "Grafana": ("", "glsa_{32}_{8h}", ""),
    "Discord": ("bot ", "M{23}.{6}.{27}", ""),
    "Telegram": ("bot ", "{10d}:{35}", ""),
    "Mailchimp": ("", "{32h}-us12", ""),
    "Artifactory": ("resolving =", "AKC{60}", ""),
    "JSON Web Token": ("cookie holds ", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI{22}.{43}", ""),
    "Azure storage": ("", "AccountKey={86}==", ""),
    "Azure SAS": ("?sv=2024&", "sig={43}%3D", ""),
    "bearer": ("> Authorization: ", "Bearer {40}", ""),
    "basic": ("Authorization: ", "Basic {28}==", ""),
    "password": ("password=", "{9}", ""),
    "password, of JSON": ('{"password": ', '"{12}"', "}"),
    "passphrase": ("passphrase: ", "{14}", ""),
    "API key, by its name": ("WANDB_API_KEY=", "{40h}", ""),
    "client secret": ("client_secret: ", "{32}", ""),
    "session cookie": ("Set-Cookie: ", "session={32}; Path=/", ""),
    "private key": ("", f"-----BEGIN {RSA}-----\n{{64}}\n{{64}}\n-----END {RSA}-----", ""),
    "database address": ("cannot reach postgres://bench:", "{14}", "@db.example.org/x"),
    "no known form, alone": ("the value is ", "{40}", ""),
    "no known form, 24 long": ("the value is ", "{24}", ""),
    "hex of no name": ("the value is ", "{40h}", ""),
    "a word as password": ("the password was ", "correcthorse", ""),
}  # fmt: skip
# No form tells these from a hash, or from a word.
MISSED = {"hex of no name", "a word as password"}
DOUBTFUL = {"no known form, alone", "no known form, 24 long"}


def planted(kind: str, tmp_path: Path, seed: int = 1):
    before, form, after = KINDS[kind]
    secret = made(form, seed)
    store = RunStore.create(tmp_path, {"identity": {}})
    reason = f"RuntimeError: {before}{secret}{after}"
    write_job(store, make_job(), events(make_job())[:1], status=Status.FAILED, reason=reason)
    return store.folder, secret


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - MISSED - DOUBTFUL))
def test_a_pack_holds_no_credential(kind, tmp_path):
    folder, secret = planted(kind, tmp_path)
    shared = make_pack(folder, False, "CC0-1.0", None)
    whole = b"\n".join(shared.content.values()).decode()
    parts = [part for part in secret.replace("\\n", "\n").split("\n") if len(part) > 8]
    assert not [part for part in parts or [secret] if part in whole]
    assert shared.pack.taken_out.get("credential") or shared.pack.taken_out.get("address")


@pytest.mark.parametrize("kind", sorted(DOUBTFUL))
def test_what_may_be_one_is_refused_unless_it_is_allowed(kind, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder, secret = planted(kind, tmp_path)
    asked = ["share", folder.name, "--results", str(tmp_path), "--output", "out.zip"]
    assert main(asked) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert "may hold a credential" in error
    assert f"--allow {secret}" in error.replace("\n", " ")
    assert not Path("out.zip").exists()
    assert main([*asked, "--allow", secret]) == ExitCode.OK


def test_what_is_missed_and_what_is_wrongly_taken_is_what_the_page_says():
    """Over 20 made-up secrets of each kind, and lines that programs printed."""
    found = dict.fromkeys(KINDS, 0)
    for kind, (before, form, after) in KINDS.items():
        for seed in range(20):
            line = f"{before}{made(form, seed)}{after}"
            found[kind] += bool(credentials_in(line) or doubtful_in(line))
    wrongly = [line for line in ORDINARY if credentials_in(line) or doubtful_in(line)]
    whole = sum(count == 20 for count in found.values())
    page = (paths.ROOT / "docs" / "sharing.md").read_text().replace("\n", " ")
    assert f"{whole} of {len(KINDS)} kinds are found in every one of 20 tries" in page
    for kind, count in found.items():
        assert count == 20 or f"{kind} ({count} of 20)" in page
    assert f"{len(wrongly)} of {len(ORDINARY)} lines" in page
