"""Finds credentials in texts: by detect-secrets' rules, and by some of this field's own."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

# A name of a credential before its value, as programs print both: "password=x", "api_key: 'x'".
_NAME = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret(?:[_-]?(?:key|access[_-]?key))?|(?:api|access|auth|"
    r"private|account|client)[_-]?(?:key|token|secret)|(?<![a-z])token|credentials?|sas)"
)
_VALUE = r"""(?:"[^"\s]{4,}"|'[^'\s]{4,}'|[^\s"',;()\[\]{}]{4,})"""
# What stands there and is none: a placeholder, a number, a type's name.
_NO_VALUE = (
    r"(?![\"']?(?:(?:none|null|true|false|str|x+|\d+(?:\.\d+)?)(?![^\s\"',;)])"
    r"|\*+|<|\[|\$|%))"
)
_SECRET_NAME = re.compile(rf"(?:\w*[_-])?{_NAME}", re.IGNORECASE)
# Those of this field, and forms that no rule of detect-secrets (1.5.0) has.
_OWN = {
    "Hugging Face Token": r"\b(?:hf|api_org)_[A-Za-z0-9]{30,}",
    "Anthropic Key": r"\bsk-ant-[A-Za-z0-9_-]{20,}",
    "OpenAI Key": r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{32,}",
    "Google API Key": r"\bAIza[A-Za-z0-9_-]{35}",
    "Google OAuth Token": r"\bya29\.[A-Za-z0-9_-]{20,}",
    "GitHub Fine-grained Token": r"\bgithub_pat_[A-Za-z0-9_]{22,}",
    "Docker Hub Token": r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}",
    "Databricks Token": r"\bdapi[0-9a-f]{32}(?:-\d)?\b",
    "DigitalOcean Token": r"\bdo[opr]_v1_[0-9a-f]{64}",
    "Replicate Token": r"\br8_[A-Za-z0-9]{37}",
    "Vault Token": r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}",
    "Grafana Token": r"\bgl(?:sa|c)_[A-Za-z0-9_=+/]{20,}",
    "Kaggle Token": r"\bKGAT_[A-Za-z0-9]{20,}",
    "PyPI Token": r"\bpypi-[A-Za-z0-9_-]{50,}",
    "Weights & Biases Key": r"\bwandb_v\d_[A-Za-z0-9_]{20,}",
    "JSON Web Token": r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*",
    "Azure Signature": r"\bsig=[A-Za-z0-9%/+]{43,}=?",
    "Private Key": r"-----BEGIN [A-Z ]*PRIVATE KEY[A-Z ]*-----(?s:.*?)(?:-----END [A-Z ]*-----|\Z)",
    "Authorization": r"(?i:\b(?:bearer|basic)\s+)(?=[^\s\"']*[\d=._+/-])[A-Za-z0-9._~+/=-]{8,}",
    "Cookie": r"(?i:\bset-cookie|\bcookie):[^\n\"']{8,}",
    "Password": rf"(?i:\b(?:\w+[_-])?{_NAME}[\"']?\s*(?:=|:|=>)\s*{_NO_VALUE}){_VALUE}",
}
# Long, of small letters, capitals and digits alike, and no hash: too even for a name.
_EVEN = re.compile(r"(?<![A-Za-z0-9/+_.=-])[A-Za-z0-9/+_-]{24,200}={0,2}(?![A-Za-z0-9/+_.-])")
_LEAST_CHANGES = 0.45


@dataclass(frozen=True)
class Credential:
    """Where in a text one stands, and of what kind it is."""

    kind: str
    start: int
    end: int


@cache
def _rules() -> list[tuple[str, re.Pattern[str]]]:
    """Return the rules; made where the first text is looked through, which takes its time."""
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.plugins.base import RegexBasedDetector

    own = [(kind, re.compile(pattern)) for kind, pattern in _OWN.items()]
    # Addresses of networks are taken out as such, and keys are taken out to their ends.
    skipped = {"Public IP (ipv4)", "Private Key"}
    detectors: dict[str, Any] = get_mapping_from_secret_type_to_class()
    theirs = [
        (kind, pattern)
        for kind, detector in detectors.items()
        if issubclass(detector, RegexBasedDetector) and kind not in skipped
        for pattern in detector.denylist
    ]
    return own + theirs


def _spans(text: str) -> Iterator[Credential]:
    for kind, pattern in _rules():
        for match in pattern.finditer(text):
            yield Credential(kind, *match.span())


@lru_cache(maxsize=1 << 15)
def credentials_in(text: str) -> tuple[Credential, ...]:
    """Return the credentials in a text, in their order; of those that meet, the first's kind."""
    found: list[Credential] = []
    for each in sorted(_spans(text), key=lambda one: (one.start, -one.end)):
        if found and each.start < found[-1].end:
            last = found.pop()
            each = Credential(last.kind, last.start, max(last.end, each.end))
        found.append(each)
    return tuple(found)


def is_secret_name(name: str) -> bool:
    """Return whether what stands under a name of JSON is a credential."""
    return _SECRET_NAME.fullmatch(name) is not None


def _kind_of(character: str) -> str:
    return "0" if character.isdigit() else "a" if character.islower() else character.isupper() * "A"


def doubtful_in(text: str) -> list[str]:
    """Return the words that may be credentials of a form that no rule knows.

    They are long and change between small letters, capitals and digits at nearly every second
    character, as random ones do and names do not. A hash has no capitals: it stays.
    """
    found = []
    for match in _EVEN.finditer(text):
        kinds = [_kind_of(character) for character in match[0]]
        changes = sum(one != other for one, other in pairwise(kinds))
        if {"0", "a", "A"} <= {*kinds} and changes >= _LEAST_CHANGES * len(kinds):
            found.append(match[0])
    return found
