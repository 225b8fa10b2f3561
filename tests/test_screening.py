"""screening.py: datatrove's filters and our own of its kind as rules: what is refused, what is asked, what arrives in verdicts/."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import crawls
import polars as pl
import pyarrow as pa
import pytest
from click.testing import CliRunner
from conftest import Page, write_warc
from datatrove.data import Document
from datatrove.pipeline.filters.base_filter import BaseFilter
from datatrove.utils import _import_utils
from datatrove.utils.word_tokenizers import load_tokenizer_assignments, load_word_tokenizer

from euro_curate.cli import main
from euro_curate.explain import story
from euro_curate.languages import languages
from euro_curate.recipe import RecipeError, configure
from euro_curate.run import checked
from euro_curate.schema import DOCUMENTS, LANGUAGES
from euro_curate.screening import Screening, resolve_filters, screen
from euro_curate.stage import params_of

Named = dict[str, dict[str, Any]]
OWN = f"{__name__}:"


class Recording(BaseFilter):
    """Keeps everything and remembers what it was shown, with the number of the instance that saw it."""

    made = 0
    seen: ClassVar[list[tuple[int, Document]]] = []

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1
        self.number = self.made

    def filter(self, doc: Document) -> bool:
        self.seen.append((self.number, doc))
        return True


class RecordingByLanguage(Recording):
    """The same, for one language an instance."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self.language = language


class Rewriting(BaseFilter):
    """Keeps everything and leaves nothing of it."""

    def filter(self, doc: Document) -> bool:
        doc.text, doc.metadata["language"] = "", "xx"
        return True


class Telling(BaseFilter):
    """Drops what holds the word, with whatever reason it was given."""

    def __init__(self, word: str, reason: Any = None) -> None:
        super().__init__()
        self.word, self.reason = word, reason

    def filter(self, doc: Document) -> Any:
        return (False, self.reason) if self.word in doc.text else True


class Fragile(BaseFilter):
    """Raises on pages with `boom`; on every page, once the machine is broken."""

    broken = False

    def filter(self, doc: Document) -> bool:
        if self.broken:
            raise OSError("no model file")
        if "boom" in doc.text:
            raise ZeroDivisionError("boom")
        return True


class Counting(BaseFilter):
    """Drops every page after its first."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def filter(self, doc: Document) -> bool:
        self.count += 1
        return self.count == 1


class Batched(BaseFilter):
    """Decides in filter_batch alone."""

    def filter(self, doc: Document) -> bool:
        raise NotImplementedError

    def filter_batch(self, batch: list[Document]) -> list[Any]:
        return [(False, "batched")] * len(batch)


@pytest.fixture(autouse=True)
def nothing_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (Recording, RecordingByLanguage):
        monkeypatch.setattr(kind, "made", 0)
    monkeypatch.setattr(Recording, "seen", [])


def table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.table([pa.array([row.get(f.name) for row in rows], f.type) for f in schema], schema=schema)


def screened(named: Named, *pages: tuple[str, str], codes: tuple[str, ...] = ()) -> list[tuple[Any, Any]]:
    """(filter, reason) of pages (text, language code)."""
    params = resolve_filters(named, codes or tuple(languages()))
    Recording.seen.clear()
    rows = [
        {"id": str(i), "text": text, "language": code, "score": 0.9, "url": f"https://e.example/{i}", "source": "f"}
        | {"offset": i, "bytes_in": 1}
        for i, (text, code) in enumerate(pages)
    ]
    documents = table(rows, DOCUMENTS)
    out = checked(screen, screen(documents, table(rows, LANGUAGES), params), documents)
    return [(row["filter"], row["reason"]) for row in out.to_pylist()]


PASSED = (None, None)

# --- what is refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"GopherFilter": {}}, ["'GopherFilter' is unknown", "did you mean 'GopherQualityFilter'?"]),
        ({f"{OWN}Tellin": {}}, ["is unknown", "did you mean 'Telling'?"]),
        ({"no_such_package:Filter": {}}, ["'no_such_package' cannot be imported", "No module named"]),
        ({"json:JSONDecoder": {}}, ["'json:JSONDecoder' is no subclass of datatrove's BaseFilter"]),
        ({"RegexFilter": {}}, ["needs the argument 'regex_exp'"]),
        ({"RegexFilter": {"regexp": "x"}}, ["unknown argument 'regexp'", "did you mean 'regex_exp'?"]),
        ({"RegexFilter": {"regex_exp": "("}}, ["'RegexFilter' cannot work", "unterminated"]),
        ({"RegexFilter": {"regex_exp": "x", "exclusion_writer": None}}, ["exclusion_writer is not accepted"]),
        ({"LambdaFilter": {"filter_function": "x"}}, ["'LambdaFilter' cannot work", "not callable"]),
        ({"SamplerFilter": {"rate": 0.5}}, ["SamplerFilter: needs a `seed`"]),
        ({"C4BadWordsFilter": {"seed": 1}}, ["in Maltese", "no", "fail_on_missing_language=False"]),
    ],
)
def test_a_filter_that_cannot_be_is_refused_by_name(named: Named, told: list[str]) -> None:
    with pytest.raises(RecipeError) as refused:
        configure({"run": {"languages": ["mt"]}, "filter": {"datatrove": named}})
    for words in told:
        assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_filter_that_misses_its_tokenizer_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    available = _import_utils._is_package_available
    monkeypatch.setattr(_import_utils, "_is_package_available", lambda name: name != "spacy" and available(name))
    load_word_tokenizer.cache_clear()
    recipe = tmp_path / "mine.toml"
    recipe.write_text('[run]\nlanguages = ["ga"]\n[filter.datatrove]\nGopherQualityFilter = { min_doc_words = 30 }\n')
    crawl = write_warc(tmp_path / "in" / "a.warc.gz", [Page("x")])
    out = tmp_path / "out"
    done = CliRunner().invoke(main, ["run", str(recipe), "--input", str(crawl), "--output", str(out)])
    assert done.exit_code == 2
    for words in ("'GopherQualityFilter' cannot work on pages in Irish", "pip install spacy"):
        assert words in done.output
    assert not out.exists(), "nothing was started"


@pytest.mark.parametrize("name", ["FineWebQualityFilter", "GopherRepetitionFilter", "C4QualityFilter"])
def test_the_trial_reaches_the_tokenizer(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_import_utils, "_is_package_available", lambda package: False)
    load_word_tokenizer.cache_clear()
    with pytest.raises(ValueError, match=f"'{name}' cannot work on pages in Irish.*spacy"):
        resolve_filters({name: {}}, ("gle_Latn",))


def test_recipes_without_filters_do_not_load_datatrove() -> None:
    script = "import sys\nfrom euro_curate.recipe import load\nload('web')\nprint('datatrove' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


# --- parameters --------------------------------------------------------------------------------------------------------------


def test_order_and_arguments_are_the_identity_and_the_order_of_arguments_is_not() -> None:
    one: Named = {f"{OWN}Telling": {"word": "a", "reason": "b"}, "C4ParagraphFilter": {}}
    same: Named = {f"{OWN}Telling": {"reason": "b", "word": "a"}, "C4ParagraphFilter": {}}
    other: Named = {"C4ParagraphFilter": {}, f"{OWN}Telling": {"word": "a", "reason": "b"}}
    first, second, third = (params_of(configure({"filter": {"datatrove": n}}).screening) for n in (one, same, other))
    assert first == second != third
    assert first["filters"] == [[f"{OWN}Telling", '{"reason": "b", "word": "a"}'], ["C4ParagraphFilter", "{}"]]
    assert first["datatrove"] and all(first["sources"]) and len(set(first["sources"])) == 2
    assert configure({}).screening == Screening()


def test_an_edited_filter_is_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    source = "from datatrove.pipeline.filters.base_filter import BaseFilter\nclass Edited(BaseFilter):\n    def filter(self, doc): return True\n"
    (tmp_path / "edited_filter.py").write_text(source)
    before = resolve_filters({"edited_filter:Edited": {}}, ("mlt_Latn",))
    (tmp_path / "edited_filter.py").write_text(source.replace("True", "not doc"))
    assert resolve_filters({"edited_filter:Edited": {}}, ("mlt_Latn",)) != before


# --- what a filter is asked, and what is made of its answer ------------------------------------------------------------------


def test_reasons_and_the_order_of_filters() -> None:
    named: Named = {f"{OWN}Telling": {"word": "spam", "reason": "spammy"}, "RegexFilter": {"regex_exp": "sp|ham"}}
    pages = [(text, "mlt_Latn") for text in ("spam", "ham", "eggs")]
    assert screened(named, *pages) == [("Telling", "spammy"), ("RegexFilter", "RegexFilter"), PASSED]
    backwards = dict(reversed(named.items()))
    assert screened(backwards, *pages)[0] == ("RegexFilter", "RegexFilter")


@pytest.mark.parametrize(("reason", "told"), [("", "Telling"), (7, "7"), ("\ud800x", "?x")])
def test_any_reason_can_be_told(reason: Any, told: str) -> None:
    assert screened({f"{OWN}Telling": {"word": "a", "reason": reason}}, ("a", "mlt_Latn")) == [("Telling", told)]


def test_pages_without_text_or_in_a_language_that_is_not_wanted_are_not_shown() -> None:
    pages = [("", "mlt_Latn"), ("x", "und"), ("x", "nob_Latn"), ("x", "gle_Latn"), ("x", "mlt_Latn")]
    drops: Named = {"RegexFilter": {"regex_exp": "$"}}
    assert [bool(name) for name, _ in screened(drops, *pages, codes=("mlt_Latn",))] == [False] * 4 + [True]
    assert [bool(name) for name, _ in screened(drops, *pages)] == [False] * 3 + [True] * 2


def test_no_pages_make_no_screens() -> None:
    assert screened({"C4ParagraphFilter": {}}) == []


def test_a_filter_sees_the_page_as_it_was() -> None:
    found = screened(
        {f"{OWN}Rewriting": {}, "C4QualityFilter": {"min_num_sentences": -1}, f"{OWN}Recording": {}},
        ("No full stop here\nBut there is one here.", "lvs_Latn"),
    )
    assert found == [PASSED]
    ((_, document),) = Recording.seen
    assert document.text == "No full stop here\nBut there is one here."
    facts = {key: document.metadata[key] for key in ("url", "file_path", "language_score")}
    assert facts == {"url": "https://e.example/0", "file_path": "f", "language_score": 0.9}
    assert (document.metadata["language"], document.metadata["language_script"]) == ("lv", "Latn")


def test_one_instance_a_language_where_the_recipe_leaves_it_open() -> None:
    pages = [("a", "mlt_Latn"), ("b", "ell_Grek"), ("c", "mlt_Latn")]

    def instances(name: str, **arguments: str) -> list[int]:
        screened({OWN + name: arguments}, *pages)
        first = Recording.seen[0][0]
        return [number - first for number, _ in Recording.seen]

    assert instances("RecordingByLanguage") == [0, 1, 0]
    assert instances("RecordingByLanguage", language="eng_Latn") == [0, 0, 0]
    assert instances("Recording") == [0, 0, 0]


def test_datatrove_knows_our_codes_and_means_the_same_languages() -> None:
    assigned = load_tokenizer_assignments()
    assert {code: assigned[code].args[1] for code in languages()} == {
        code: language.iso1 for code, language in languages().items()
    }


def test_a_filter_remembers_nothing_of_other_parts() -> None:
    pages = [("a", "mlt_Latn"), ("b", "mlt_Latn")]
    assert screened({f"{OWN}Counting": {}}, *pages) == screened({f"{OWN}Counting": {}}, *pages)
    params = resolve_filters({f"{OWN}Counting": {}}, ("mlt_Latn",))
    rows = [{"id": "a", "text": "a", "language": "mlt_Latn", "source": "f", "offset": 0, "bytes_in": 1}]
    tables = table(rows, DOCUMENTS), table(rows, LANGUAGES)
    assert screen(*tables, params)["filter"].to_pylist() == screen(*tables, params)["filter"].to_pylist() == [None]


def test_filters_that_decide_in_batches_work() -> None:
    assert screened({f"{OWN}Batched": {}}, ("a", "mlt_Latn")) == [("Batched", "batched")]


def test_a_page_that_a_filter_raises_on_is_a_row() -> None:
    pages = [(text, "mlt_Latn") for text in ("fine", "boom", "fine")]
    assert screened({f"{OWN}Fragile": {}}, *pages) == [PASSED, ("Fragile", "error:ZeroDivisionError"), PASSED]


# --- whole runs --------------------------------------------------------------------------------------------------------------

FILTERS: Named = {
    f"{OWN}Telling": {"word": "moka", "reason": "coffee"},
    "RegexFilter": {"regex_exp": "castagneto|moka"},
}


def run(folder: Path, named: Named, **settings: Any) -> dict[str, Any]:
    if not (folder / "in").exists():
        crawls.split(crawls.pages(["it"]), folder / "in", 2)
    return crawls.run([folder / "in"], folder / "out", {"filter": {"datatrove": named}, **settings})


def made(summary: dict[str, Any], name: str) -> list[int]:
    return [stage["parts"] - stage["reused"] for stage in summary["stages"] if stage["name"] == name]


def test_reasons_arrive_in_verdicts_and_explain(tmp_path: Path) -> None:
    assert made(run(tmp_path, {}), "screen") == []
    before = crawls.verdicts(tmp_path / "out")
    assert made(run(tmp_path, FILTERS), "screen") == [2]
    rows = crawls.verdicts(tmp_path / "out")
    dropped = rows.filter(pl.col("verdict").is_in(["quality:Telling", "quality:RegexFilter"]))
    assert dropped.group_by("verdict", "rule").len().sort("verdict").rows() == [
        ("quality:RegexFilter", "RegexFilter", 3),
        ("quality:Telling", "coffee", 3),
    ], "a page and its two copies each"
    assert dropped["value"].null_count() == dropped["threshold"].null_count() == 6
    rest = rows.join(dropped, on="id", how="anti")
    assert rest.equals(before.join(dropped, on="id", how="anti")), "nothing else changed"
    told = story(str(tmp_path / "out"), dropped.filter(pl.col("rule") == "coffee")["id"][0], None)[0]
    assert told["screen"] == {"filter": "Telling", "reason": "coffee"}
    assert told["verdict"]["verdict"] == "quality:Telling"
    run(tmp_path, {})
    assert crawls.verdicts(tmp_path / "out").equals(before)
    assert "screen" not in story(str(tmp_path / "out"), dropped["id"][0], None)[0], "that was another recipe"


def test_a_threshold_of_ours_screens_nothing_again(tmp_path: Path) -> None:
    run(tmp_path, FILTERS)
    again = run(tmp_path, FILTERS, quality={"thresholds": {"min_words": 300.0}})
    assert (made(again, "screen"), made(again, "decide")) == ([0], [2])
    other = run(tmp_path, FILTERS | {"RegexFilter": {"regex_exp": "q"}})
    assert (made(other, "measure"), made(other, "screen")) == ([0], [2])


def test_a_machine_that_lacks_something_sets_the_part_aside_and_drops_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crawls.split(crawls.pages(["it"]), tmp_path / "in", 2)
    raw = {"run": {"inputs": [str(tmp_path / "in")], "output": "x"}, "filter": {"datatrove": {f"{OWN}Fragile": {}}}}
    config = configure(raw)
    monkeypatch.setattr(Fragile, "broken", True)
    monkeypatch.setattr(crawls, "configure", lambda raw: config)
    summary = crawls.run([tmp_path / "in"], tmp_path / "out")
    assert not summary["complete"] and summary["pages"]["kept"] == 0
    assert "no model file" in json.dumps(summary["inputs"])
    monkeypatch.setattr(Fragile, "broken", False)
    assert crawls.run([tmp_path / "in"], tmp_path / "out")["pages"]["kept"] > 0
