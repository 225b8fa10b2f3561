"""euro_curate: web crawls in, balanced training data for the 24 official EU languages out.

Nothing heavy is imported here; see README.md for the floors of the package.
"""

__version__ = "0.1.0"
