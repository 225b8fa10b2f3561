"""`euro-curate extract`, `identify`, `measure` and `redact`: one stage on JSONL."""

import sys

import click

from euro_curate.cli.shared import Refused

_FILE = """

\b
FILE is JSONL, plain, .gz or .zst; - is standard input. Results keep the input's order.
Example: euro-curate {0} pages.jsonl > {0}.jsonl
"""


def _one_stage(name: str, help_text: str) -> click.Command:
    @click.command(name, help=help_text + _FILE.format(name))
    @click.argument("file", default="-")
    @click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
    def command(file: str, workers: int, plain: bool = False) -> None:
        from euro_curate import onestage

        try:
            lines = onestage.read_lines(file)
            sys.stdout.writelines(onestage.answers(name, lines, workers, plain))
            sys.stdout.flush()
        except onestage.BadInput as error:
            sys.stdout.flush()
            raise Refused(str(error)) from error
        except BrokenPipeError:
            sys.stderr.close()

    if name == "identify":
        click.option("--plain", is_flag=True, help="One text a line instead of JSONL; its id is the line's number.")(
            command
        )
    return command


COMMANDS = (
    _one_stage("extract", "Main text of HTML pages: {id, html, url?} -> {id, text, title, stop}."),
    _one_stage("identify", "Language of texts: {id, text} -> {id, language, score, second, second_score}."),
    _one_stage("measure", "Quality measures of texts: {id, text, language} -> {id, <every measure>}."),
    _one_stage(
        "redact",
        "Personal data replaced: {id, text, language} -> {id, text, found: [{kind, start, end}]}.",
    ),
)
