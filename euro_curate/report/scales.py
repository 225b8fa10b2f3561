"""The bins of every measure: fixed, so that the histograms of parts, and of two runs, can be added and laid beside each other."""

import numpy as np
import numpy.typing as npt

BINS = 40

# measure -> largest value of a logarithmic scale that begins at 1
_LOGARITHMIC = {
    "words": 1e6,
    "chars": 1e7,
    "lines": 1e5,
    "paragraphs": 1e5,
    "sentences": 1e5,
    "stop_words": 1e3,
    "longest_word": 1e4,
}
# measure -> end of a linear scale that begins at 0; shares that are small on all but odd pages are looked at closely; the others end at 1
_LINEAR = {
    "mean_word_length": 20.0,
    "word_entropy": 16.0,
    "broken_chars": 0.05,
    "brace_chars": 0.1,
    "filler_words": 0.25,
    "hashes_per_word": 0.5,
    "ellipses_per_word": 0.5,
    "urls_per_word": 0.5,
    "digit_chars": 0.5,
    "punctuation_chars": 0.5,
    "top_word": 0.5,
    "top_2gram": 0.5,
    "top_3gram": 0.5,
    "top_4gram": 0.5,
}


def scale(measure: str) -> tuple[str, float]:
    """("log", end) or ("linear", end) of a measure's axis."""
    if measure in _LOGARITHMIC:
        return "log", _LOGARITHMIC[measure]
    return "linear", _LINEAR.get(measure, 1.0)


def position(measure: str, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Values -> their places on the axis, 0 to 1. What lies beyond an end is put on it."""
    kind, end = scale(measure)
    x = np.asarray(values, np.float64)
    on_axis = np.log(np.maximum(x, 1.0)) / np.log(end) if kind == "log" else x / end
    return np.clip(on_axis, 0.0, 1.0)


def bins(measure: str, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Values -> bin of each, 0 to BINS - 1."""
    return np.minimum((position(measure, values) * BINS).astype(np.int64), BINS - 1)
