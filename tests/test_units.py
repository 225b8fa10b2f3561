"""Bytes and seconds for people: three figures, or whole ones, and never an exponent."""

from euro_curate.units import duration, size


def test_bytes() -> None:
    assert [size(n) for n in (0, 12, 12_345, 3.21e9)] == ["0 bytes", "12 bytes", "12.3 kB", "3.21 GB"]
    assert [size(n) for n in (999_600, 999.7e9, 2.5e15)] == ["1,000 kB", "1,000 GB", "2,500 TB"]


def test_seconds() -> None:
    assert [duration(s) for s in (0.04, 99.9, 99.96, 200, 3599.7)] == [
        "0.0 s",
        "99.9 s",
        "1 min 40 s",
        "3 min 20 s",
        "1 h 0 min",
    ]
    assert [duration(s) for s in (18_720, 4_000_000)] == ["5 h 12 min", "1,111 h 6 min"]
