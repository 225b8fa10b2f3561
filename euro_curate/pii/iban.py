"""International bank account numbers (ISO 13616): country, check digits, structure, by python-stdnum's registry."""

from collections.abc import Sequence

from stdnum import iban

PATTERN = rb"[A-Z]{2}[0-9]{2}(?:[ \-]?[A-Z0-9]{1,4}){3,9}"

_SHORTEST = 15  # Norway


def confirm(candidate: str, before: str, after: str, countries: Sequence[str]) -> tuple[int, int] | None:
    """The longest valid prefix of the candidate: the pattern may run on into the next word in capitals."""
    if before[-1:].isalnum():
        return None
    end = len(candidate)
    while sum(c.isalnum() for c in candidate[:end]) >= _SHORTEST:
        if (
            candidate[end - 1].isalnum()
            and iban.is_valid(candidate[:end])
            and not (candidate + after)[end : end + 1].isalnum()
        ):
            return 0, end
        end -= 1
    return None
