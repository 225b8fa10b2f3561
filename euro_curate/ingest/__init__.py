"""Crawl files in, DOCUMENTS out: readers, gates, extraction. Files of this folder may import each other; the rest sees this face."""

from euro_curate.ingest.crawl import ingest
from euro_curate.ingest.page import LATE, Ingest, extract_page
from euro_curate.ingest.remote import patiently
from euro_curate.ingest.sources import CRAWL_PREFIX, Source, distinct, expand
from euro_curate.ingest.urls import UrlRules, list_of

__all__ = [
    "CRAWL_PREFIX",
    "LATE",
    "Ingest",
    "Source",
    "UrlRules",
    "distinct",
    "expand",
    "extract_page",
    "ingest",
    "list_of",
    "patiently",
]
