"""Exports of a finished run's dataset: other layouts of the same pages for trainers that take no Parquet; and the way to the Hub."""

from euro_curate.export.push import Destination, Upload, destination, push, upload_of
from euro_curate.export.run import FORMATS, CannotExport, export

__all__ = ["FORMATS", "CannotExport", "Destination", "Upload", "destination", "export", "push", "upload_of"]
