"""Ireland: personal public service number (PPSN)."""

from stdnum.ie import pps

from euro_curate.pii.kind import Kind

PPS = Kind(
    "ie_pps",
    ("9999999AA", "9999999A"),
    pps.is_valid,
    "1234567?A",
    "python-stdnum ie.pps",
    "IE",
    (
        "PPS",
        "PPSN",
        "PPSNs",
        "P.P.S.",
        "P.P.S.N.",
        "PSP",
        "UPSP",
        "RSI no",
        "personal public service*",
        "phearsanta seirbhíse poiblí",
        "pearsanta* seirbhíse poiblí",
    ),
    trigger=rb"[0-9]{7}",
)

KINDS = (PPS,)
