"""Thresholds for each language: read.py (documents as numbers), fit.py (the methods), tell.py (tables and TOML)."""

from euro_curate.calibrate.fit import FINEWEB2, Calibration, Plan, Proposal, calibrate, loosened, threshold
from euro_curate.calibrate.read import SCORE, CannotCalibrate, read_measures
from euro_curate.calibrate.tell import tables, toml_sections, write_languages

__all__ = [
    "FINEWEB2",
    "SCORE",
    "Calibration",
    "CannotCalibrate",
    "Plan",
    "Proposal",
    "calibrate",
    "loosened",
    "read_measures",
    "tables",
    "threshold",
    "toml_sections",
    "write_languages",
]
