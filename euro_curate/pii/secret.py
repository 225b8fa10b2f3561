"""Secrets in text: private keys, and access keys whose issuers give them a form of their own. By option."""

import re

_FORMS = (
    rb"(?:AKIA|ASIA)[0-9A-Z]{16}",  # Amazon
    rb"gh[oprsu]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{50,90}",
    rb"glpat-[0-9A-Za-z_\-]{20}",
    rb"xox[abeoprs]-[0-9A-Za-z\-]{20,90}",  # Slack
    rb"[rs]k_live_[0-9A-Za-z]{20,90}",  # Stripe
    rb"sk-[0-9A-Za-z_\-]{32,180}",  # OpenAI, Anthropic
    rb"hf_[A-Za-z]{34}",
    rb"AIza[0-9A-Za-z_\-]{35}",  # Google
)
TRIGGER = (
    rb"AKIA|ASIA|gh[oprsu]_|github_pat_|glpat-|xox[abeoprs]-|[rs]k_live_|sk-[0-9A-Za-z]|hf_[A-Za-z]{8}|AIza|eyJ|"
    rb"-----BEGIN [A-Z ]{0,20}PRIVATE KEY"
)
_KEY = re.compile(rb"(?:" + rb"|".join(_FORMS) + rb")(?![0-9A-Za-z_])")
# What is no such key is none either where the text is cut, so these may look further ahead than other kinds: see scan.py.
LONG = {b"eyJ": 3_700, b"-----BEGIN": 20_200}  # how they begin -> bytes that they may have
_TOKEN = re.compile(
    rb"eyJ[0-9A-Za-z_\-]{12,600}+\.eyJ[0-9A-Za-z_\-]{12,900}+\.[0-9A-Za-z_\-]{16,2000}"
)  # JSON web token
_BEGIN = re.compile(
    rb"-----BEGIN [A-Z ]{0,20}PRIVATE KEY[A-Z ]{0,8}-----(?:[0-9A-Za-z+/=\s:,]|-(?!----)){40,20000}+"
    rb"-----END [A-Z ]{0,20}PRIVATE KEY[A-Z ]{0,8}-----"
)


def locate(data: bytes, at: int) -> tuple[int, int] | None:
    """(start, end) of the secret that begins at byte `at`, or None."""
    if at and data[at - 1 : at].isalnum():
        return None
    found = _KEY.match(data, at) or _TOKEN.match(data, at) or _BEGIN.match(data, at)
    return found.span() if found else None
