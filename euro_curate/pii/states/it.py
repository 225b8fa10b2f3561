"""Italy: codice fiscale of persons, also with letters for digits where two people had the same (omocodia)."""

from stdnum.it import codicefiscale

from euro_curate.pii.kind import Kind

_D = "[0-9LMNP-V]"
CF = Kind(
    "it_cf",
    ("AAAAAAXXAXXAXXXA",),
    codicefiscale.is_valid,
    "RSSMRA85B14H501?",
    "python-stdnum it.codicefiscale",
    "IT",
    ("codice fiscale", "codici fiscali", "C.F.", "cod. fisc.", "cod. fiscale"),
    usual=("AAAAAAXXAXXAXXXA", "AAA AAA XXAXX AXXXA"),
    trigger=(
        r"[A-Za-z]{6}[0-9]{2}[A-Za-z]|[A-Z]{3} ?[A-Z]{3} [0-9]{2} ?[A-Z]|"
        rf"[A-Z]{{6}}{_D}{{2}}[A-EHLMPRST]{_D}{{2}}[A-Z]{_D}{{3}}[A-Z]"
    ).encode(),
)

KINDS = (CF,)
