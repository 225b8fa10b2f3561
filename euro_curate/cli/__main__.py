"""`python -m euro_curate.cli` is `euro-curate`."""

from euro_curate.cli import main

main()
