"""What stands in place of a finding: a tag, a fixed fake that is nobody's, or a pseudonym from a secret key."""

import hashlib
import hmac
import os
import re
from dataclasses import dataclass, field

from euro_curate.pii.scan import TAGS

STYLES = ("tag", "fake", "pseudonym")
_TAG = re.compile(r"<[^<>\s\d@(\[{]+>")
_LONGEST = 40  # characters of a tag
_KEY_CHARS = 16

# Nobody's by standard or by construction: .invalid (RFC 6761), documentation addresses (RFC 3849, 5737, 7042), the unassigned country code
# +999, the unassigned country XX, an issuer of cards that is none. No end of one is the beginning of another, and none is part of
# another, so that where one is put no other can be read (tests/test_pii_styles.py).
_FAKES = {
    "email": "name@redacted.invalid",
    "ip": "192.0.2.7",
    "ipv6": "2001:db8::7",
    "mac": "00:00:5E:00:53:07",
    "phone": "+999 000 000 007",
    "iban": "XX00 0000 0000 0000 0007",
    "card": "9999 9999 9999 9997",
    "vat": "XX000000007",
    "id": "XX-0000007",
}
_STAND_INS = re.compile("|".join([_TAG.pattern, *map(re.escape, _FAKES.values())]))
_SIGNS = ("<", *_FAKES.values())


def stand_ins(text: str) -> list[tuple[int, int]]:
    """Where a text has something that a style puts in place of a finding: any tag, any fake."""
    return [found.span() for found in _STAND_INS.finditer(text)] if any(sign in text for sign in _SIGNS) else []


@dataclass(frozen=True)
class Style:
    """How findings are replaced. `key` is a fingerprint of the secret in the environment variable `key_env`, which itself is never stored."""

    style: str = "tag"
    tag: str = "<{kind}-pii>"
    key_env: str = field(default="", metadata={"identity": False})
    key: str = ""

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise ValueError(f"pii.style: {self.style!r} is not one of {', '.join(STYLES)}")
        try:
            shown = self.tag.format(kind="ip", KIND="IP")
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"pii.tag: {self.tag!r}: only {{kind}} and {{KIND}} can be filled in") from error
        if not _TAG.fullmatch(shown) or len(shown) > _LONGEST:
            raise ValueError(
                f"pii.tag: {self.tag!r} must be one <...> of at most {_LONGEST} characters without spaces, digits, brackets and @, "
                "such as '<{kind}-pii>' or '<{KIND}>'"
            )
        if (self.style == "pseudonym") != bool(self.key_env):
            raise ValueError(
                "pii: style 'pseudonym' needs pii.key_env, the name of an environment variable with a secret; no other does"
            )

    def replacement(self, kind: str, value: str, page: str) -> str:
        """What stands for a value of a kind in a page (its id): equal values of one page get equal pseudonyms, pages cannot be linked."""
        shown = TAGS.get(kind, kind)
        if self.style == "fake" and shown in _FAKES:
            return _FAKES["ipv6" if shown == "ip" and ":" in value else shown]
        tag = self.tag.format(kind=shown, KIND=shown.upper())
        if self.style != "pseudonym":
            return tag
        canonical = "".join(c for c in value.casefold() if c.isalnum())
        digest = hmac.new(secret(self), f"{page}\0{shown}\0{canonical}".encode("utf-8", "replace"), hashlib.sha256)
        letters = digest.hexdigest()[:10].translate(
            str.maketrans("0123456789", "ghijklmnop")
        )  # digits could be found again
        return f"{tag[:-1]}-{letters}>"


def secret(style: Style) -> bytes:
    """The secret in the environment. ValueError: there is none, it is too short, or another one than the recipe was read with."""
    value = os.environ.get(style.key_env, "")
    if not value:
        raise ValueError(
            f"pii.key_env: the environment variable {style.key_env} is not set; set it on every machine of the run"
        )
    if len(value) < _KEY_CHARS:
        raise ValueError(f"pii.key_env: the secret in {style.key_env} must have at least {_KEY_CHARS} characters")
    key = value.encode("utf-8", "surrogateescape")
    if style.key and fingerprint(key) != style.key:
        raise ValueError(f"pii.key_env: {style.key_env} holds another secret here than where the run was started")
    return key


def fingerprint(key: bytes) -> str:
    """Tells two secrets apart and tells nothing of either."""
    return hmac.new(key, b"euro_curate pii key", hashlib.sha256).hexdigest()[:16]
