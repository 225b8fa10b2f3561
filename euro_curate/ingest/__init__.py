"""Crawl files in, DOCUMENTS out: readers, gates, extraction. Files of this folder may import each other; the rest sees this face."""

from euro_curate.ingest.crawl import ingest
from euro_curate.ingest.page import Ingest, extract_page
from euro_curate.ingest.sources import Source, distinct, expand

__all__ = ["Ingest", "Source", "distinct", "expand", "extract_page", "ingest"]
