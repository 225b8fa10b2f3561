"""Bytes and seconds as people read them. One way for the display, the report, the dataset card and messages."""


def size(count: float) -> str:
    """Bytes -> `12.3 MB` (powers of ten)."""
    for limit, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= limit:
            value = count / limit
            return f"{value:.3g} {unit}" if value < 999.5 else f"{value:,.0f} {unit}"
    return f"{count:,.0f} bytes"


def duration(seconds: float) -> str:
    """Seconds -> `0.4 s`, `3 min 20 s`, `5 h 12 min`."""
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"
