"""dedup.py: sign, pair, connect, elect, on texts made here and against a quadratic oracle."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from euro_curate.dedup import (
    Addresses,
    Election,
    MinHash,
    Pairing,
    Registering,
    canonical,
    connect,
    elect,
    elect_urls,
    enrol,
    pair,
    register,
    sign,
    sort_keys,
    sort_urls,
)
from euro_curate.dedup.urls import url_hashes
from euro_curate.run import checked
from euro_curate.schema import DOCUMENTS, LANGUAGES, RULINGS, SIGNATURES, URL_LOSERS, VERDICTS

Row = dict[str, Any]


def table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    return pa.table([pa.array([row.get(f.name) for row in rows], f.type) for f in schema], schema=schema)


def page(name: str, text: str, **more: Any) -> Row:
    """One page: what documents, languages and rulings say of it."""
    row = {"id": name, "text": text, "source": "f1", "offset": 0, "bytes_in": 1, "language": "eng_Latn"}
    return row | {"words": len(text.split()), "crawled_at": datetime(2024, 1, 1, tzinfo=UTC)} | more


def prose(seed: int, words: int = 300) -> list[str]:
    draw = random.Random(seed)
    return ["".join(draw.choices("abcdefghijkl", k=draw.randint(2, 8))) for _ in range(words)]


def edited(words: list[str], edits: int, seed: int = 0) -> list[str]:
    draw, out = random.Random(seed), list(words)
    for at in draw.sample(range(len(out)), edits):
        out[at] = "edit" + out[at]
    return out


def run(
    pages: list[Row],
    params: Election | None = None,
    parts: int = 1,
    addresses: Addresses | None = None,
    earlier: Sequence[Row] = (),
) -> dict[tuple[str, str, int], Row]:
    """The whole of dedup over pages in the given order, in so many parts -> elections by (id, source, offset). `earlier`: pages of an
    earlier run, with the `final` verdict that it gave them."""
    params = params or Election()
    minhash = MinHash(sketch=params.verify > 0)
    keys, candidates = [], []
    for mine in [*(pages[i::parts] for i in range(parts)), *([list(earlier)] if earlier else [])]:
        documents, rulings = table(mine, DOCUMENTS), table(mine, RULINGS)
        signatures = checked(sign, sign(documents, minhash), documents)
        keys.append(checked(sort_keys, sort_keys(signatures, table(mine, LANGUAGES), Pairing()), None))
        final = [
            {"id": p["id"], "verdict": p["final"], "source": "", "cluster_size": 1, "offset": 0}
            for p in mine
            if "final" in p
        ]
        candidates.append(checked(register, register(rulings, signatures, table(final, VERDICTS), Registering()), None))
    links = checked(pair, pair(pa.concat_tables(keys), Pairing()), None)
    clusters = checked(connect, connect(links, Pairing()), None)
    losers = URL_LOSERS.empty_table()
    if addresses:
        losers = elect_urls(pa.concat_tables([sort_urls(part, addresses) for part in candidates]), addresses)
    members = checked(enrol, enrol(pa.concat_tables(candidates), clusters, losers, Registering()), None)
    elections = checked(elect, elect(members, params), None)
    keys_of = list(zip(*(elections[name].to_pylist() for name in ("source", "offset", "id")), strict=True))
    assert keys_of == sorted(keys_of)
    out = {(row["id"], row["source"], row["offset"]): row for row in elections.to_pylist()}
    assert len(out) == len(elections)
    return out


def brief(elections: dict[tuple[str, str, int], Row]) -> dict[str, tuple[str, str | None, int]]:
    return {key[0]: (row["kind"], row["duplicate_of"], row["cluster_size"]) for key, row in elections.items()}


BASE = prose(1)
NEAR = edited(BASE, 2)  # 10 of 296 shingles differ: similarity 0.93
FAR = edited(BASE, 90, seed=5)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_sign_keeps_schema_and_ids(n: int) -> None:
    documents = table([page(str(i), " ".join(prose(i))) for i in range(n)], DOCUMENTS)
    out = checked(sign, sign(documents, MinHash()), documents)
    assert out.schema == SIGNATURES
    assert out["bands"].null_count == out["exact"].null_count == 0


def test_empty_texts_have_no_signature_and_short_ones_an_exact_one() -> None:
    rows = sign(
        table([page("a", ""), page("b", "?!"), page("c", "a b c d"), page("d", "a b c d e")], DOCUMENTS), MinHash()
    )
    assert [v is None for v in rows["exact"].to_pylist()] == [True, True, False, False]
    assert [v is None for v in rows["bands"].to_pylist()] == [True, True, True, False]


def test_spacing_case_and_punctuation_make_exact_copies() -> None:
    text = " ".join(BASE)
    pages = [page("a", text), page("b", text.upper().replace(" ", ",\n")), page("c", " ".join(prose(2)))]
    assert brief(run(pages)) == {"a": ("representative", None, 2), "b": ("exact", "a", 2)}


def test_near_copies_meet_and_different_texts_do_not() -> None:
    pages = [
        page("a", " ".join(BASE)),
        page("b", " ".join(NEAR)),
        page("c", " ".join(FAR)),
        page("d", " ".join(prose(3))),
    ]
    assert brief(run(pages)) == {"a": ("representative", None, 2), "b": ("near", "a", 2)}


def test_a_diacritic_makes_another_word() -> None:
    assert run([page("a", "vrch kopec les"), page("b", "vŕch kopec les")]) == {}


def test_short_texts_are_copies_only_when_equal() -> None:
    pages = [
        page("a", "see you soon"),
        page("b", "See you soon!"),
        page("c", "see you sooner"),
        page("d", ""),
        page("e", ""),
    ]
    assert brief(run(pages)) == {"a": ("representative", None, 2), "b": ("exact", "a", 2)}


def test_languages_are_kept_apart() -> None:
    text = " ".join(BASE)
    assert (
        run([page("a", text), page("b", text, language="nob_Latn"), page("c", "x y"), page("d", "x y", language="und")])
        == {}
    )


def test_every_member_has_its_cluster_and_kind() -> None:
    text, near = " ".join(BASE), " ".join(NEAR)
    pages = [
        page("a", near),
        page("b", text),
        page("c", near),
        page("d", text, words=999),
        page("e", " ".join(prose(9))),
    ]
    assert brief(run(pages)) == {
        "a": ("near", "d", 4),
        "b": ("exact", "d", 4),
        "c": ("near", "d", 4),
        "d": ("representative", None, 4),
    }


def test_the_representative_passes_everything_if_any_member_does() -> None:
    text = " ".join(BASE)
    pages = [page("a", text, words=900, verdict="quality:x"), page("b", text), page("c", text, verdict="quality:y")]
    assert brief(run(pages)) == {"a": ("exact", "b", 3), "b": ("representative", None, 3), "c": ("exact", "b", 3)}


def test_if_no_member_passes_the_best_of_all_is_elected() -> None:
    text = " ".join(BASE)
    pages = [page("a", text, verdict="quality:x"), page("b", text, words=900, verdict="quality:x")]
    assert brief(run(pages)) == {"a": ("exact", "b", 2), "b": ("representative", None, 2)}


@pytest.mark.parametrize(
    ("order", "winner"),
    [(("words", "oldest"), "c"), (("oldest",), "b"), (("newest",), "a"), ((), "a"), (("newest", "words"), "a")],
)
def test_the_order_of_election_is_the_recipes(order: tuple[str, ...], winner: str) -> None:
    text = " ".join(BASE)
    dates = {"a": 2024, "b": 2020, "c": 2022}
    pages = [page(i, text, words=5 + (i == "c"), crawled_at=datetime(y, 1, 1, tzinfo=UTC)) for i, y in dates.items()]
    assert [i for i, row in brief(run(pages, Election(order))).items() if row[0] == "representative"] == [winner]


@pytest.mark.parametrize(("order", "winner"), [(None, "c"), (("score",), "c"), (("words", "score"), "b")])
def test_the_best_score_wins_and_no_score_is_the_worst(order: tuple[str, ...] | None, winner: str) -> None:
    text = " ".join(BASE)
    pages = [page("a", text, words=5), page("b", text, words=6, quality_score=0.0)]
    pages += [page("c", text, words=5, quality_score=0.1)]
    found = brief(run(pages, Election(order) if order else None))
    assert [i for i, row in found.items() if row[0] == "representative"] == [winner]


def test_pages_without_a_date_are_neither_oldest_nor_newest() -> None:
    pages = [page("a", "x y", crawled_at=None), page("b", "x y")]
    for order in ("oldest", "newest"):
        assert brief(run(pages, Election((order,))))["b"][0] == "representative"


def test_an_unknown_order_is_refused_before_anything_runs() -> None:
    with pytest.raises(ValueError, match=r"dedup\.elect: .*shortest.*words"):
        Election(("shortest",))


def test_a_repeated_id_is_never_a_second_representative() -> None:
    text = " ".join(BASE)
    pages = [
        page("a", text, source="f2", offset=7),
        page("a", text, source="f1"),
        page("b", text, source="f3", words=1),
    ]
    found = {key: (row["kind"], row["duplicate_of"], row["cluster_size"]) for key, row in run(pages).items()}
    assert found == {
        ("a", "f1", 0): ("representative", None, 3),
        ("a", "f2", 7): ("record", "a", 3),
        ("b", "f3", 0): ("exact", "a", 3),
    }


def test_a_repeated_id_without_copies_or_text_is_a_record_too() -> None:
    pages = [page("a", "", source=s, offset=3, verdict="http:status") for s in ("f9", "f1", "f5")]
    assert {key[1]: row["kind"] for key, row in run(pages).items()} == {
        "f1": "representative",
        "f5": "record",
        "f9": "record",
    }


def crawl(seed: int) -> list[Row]:
    """Pages with exact, near and chained copies, repeats and failures."""
    draw = random.Random(seed)
    pages = []
    for family in range(12):
        body = prose(100 + family, 120)
        for copy in range(draw.randint(1, 5)):
            body = edited(body, draw.choice([0, 0, 1, 1, 25]), seed=copy)
            verdict = draw.choice([None, None, "quality:x"])
            name = f"{draw.getrandbits(64):016x}"
            for source in draw.sample(["f1", "f2", "f3"], draw.choice([1, 1, 2])):
                pages.append(page(name, " ".join(body), source=source, offset=draw.randrange(10**6), verdict=verdict))
    return pages


@pytest.mark.parametrize("seed", range(4))
def test_order_and_grouping_of_the_input_change_nothing(seed: int) -> None:
    pages = crawl(seed)
    expected = run(pages)
    assert len(expected) > 10
    random.Random(seed).shuffle(pages)
    assert run(pages, parts=3) == expected


@pytest.mark.parametrize("seed", range(4))
def test_laws_of_every_cluster(seed: int) -> None:
    pages, elections = crawl(seed), run(crawl(seed))
    verdicts = {(p["id"], p["source"], p["offset"]): p["verdict"] for p in pages}
    heads = {key[0] for key, row in elections.items() if row["kind"] == "representative"}
    for key, row in elections.items():
        assert (row["duplicate_of"] is None) == (row["kind"] == "representative")
        head = row["duplicate_of"] or key[0]
        assert head in heads
        members = [k for k, r in elections.items() if (r["duplicate_of"] or k[0]) == head]
        assert row["cluster_size"] == len(members) >= 2
        passing = [k for k in members if verdicts[k] is None]
        assert not passing or head in {k[0] for k in passing}
    texts: dict[str, set[str]] = {}
    for p in pages:
        texts.setdefault(p["text"], set()).add(p["id"])
    for names in texts.values():  # exact copies are always found
        assert len({r["duplicate_of"] or k[0] for k, r in elections.items() if k[0] in names}) <= 1


def test_empty_tables_pass_through() -> None:
    assert run([]) == {}


MENU = " ".join(prose(77, 12))


def test_lines_that_a_document_repeats_do_not_make_it_like_another() -> None:
    """Three quarters of their words are the same menu, fifty times over, but of their shingles only a few are."""
    pages = [page(str(i), "\n".join([" ".join(prose(200 + i, 200)), *[MENU] * 50])) for i in range(6)]
    assert run(pages) == {}
    pages[1]["text"] = pages[0]["text"] + f"\n{MENU}" * 50
    assert brief(run(pages))["1"] == ("near", "0", 2), "and repeating it more often makes no other text"


def test_an_address_has_one_page_the_newest_or_the_oldest() -> None:
    pages = [
        page(
            str(year),
            " ".join(prose(year)),
            url=f"{scheme}://A.example/x{more}",
            crawled_at=datetime(year, 1, 1, tzinfo=UTC),
        )
        for year, scheme, more in ((2020, "http", ""), (2022, "https", "?utm_source=y"), (2021, "https", "#part"))
    ]
    pages += [page("n", " ".join(prose(1)), url=None), page("o", " ".join(prose(2)), url=None)]
    for keep, winner in (("newest", "2022"), ("oldest", "2020")):
        losers = brief(run(pages, addresses=Addresses(keep)))
        assert losers == {year: ("url", winner, 1) for year in ("2020", "2021", "2022") if year != winner}
    assert run(pages) == {}


def test_an_address_goes_to_a_page_that_passes_and_its_loser_is_no_representative() -> None:
    old, new = datetime(2020, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
    text, url = " ".join(BASE), "https://a.example/"
    pages = [
        page(
            "a", text, url=url, crawled_at=old, words=999
        ),  # the best copy of a cluster, but an old version of its page
        page("b", text, url="https://b.example/", crawled_at=old),
        page("c", " ".join(prose(3)), url=url, crawled_at=new),
        page("d", " ".join(prose(4)), url=url, crawled_at=new, verdict="quality:x"),
    ]
    found = brief(run(pages, addresses=Addresses("newest")))
    assert found == {"a": ("url", "c", 2), "b": ("representative", None, 2)}


def test_what_is_published_stays_and_what_is_not_stands_back() -> None:
    text, near = " ".join(BASE), " ".join(NEAR)
    earlier = [
        page("p", near, source="e", words=1, final="kept"),
        page("q", text, source="e", words=999, final="budget:cut"),
    ]
    assert brief(run([page("a", text)], earlier=earlier)) == {"a": ("near", "p", 3)}
    assert brief(run([page("a", text)], earlier=earlier[1:])) == {"a": ("representative", None, 2)}
    failing = [page("a", text, verdict="quality:x")]
    assert brief(run(failing, earlier=earlier[1:])) == {"a": ("exact", "q", 2)}
    same = [page("p", text, source="new")]
    assert brief(run(same, earlier=earlier[:1])) == {"p": ("record", "p", 2)}
    assert brief(run([page("q", text, source="new")], earlier=earlier[1:])) == {"q": ("representative", None, 2)}


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("http://Example.ORG:80/a?b=1#c", "example.org/a?b=1"),
        ("https://example.org:443", "example.org/"),
        ("https://example.org.?", "example.org/"),
        ("https://example.org/?utm_medium=x&id=7&UTM_Source=y&fbclid=z", "example.org/?id=7"),
        ("https://example.org/?gclid", "example.org/"),
        ("https://example.org/a?gclidx=1&utm=2", "example.org/a?gclidx=1&utm=2"),
        ("http://example.org:8080/A?b=2&a=1", "example.org:8080/A?b=2&a=1"),
        ("ftp://Example.org/a", "ftp://Example.org/a"),
        (" record-17 ", "record-17"),
    ],
)
def test_addresses_are_compared_without_what_makes_no_other_page(url: str, same: str) -> None:
    assert canonical(url) == same
    assert canonical(canonical(url)) == same


def test_the_canonical_address_counts_where_documents_have_one() -> None:
    documents = table([page("a", "x", url="https://a.example/1"), page("b", "x", url="https://a.example/2")], DOCUMENTS)
    own = url_hashes(documents).to_pylist()
    assert own[0] != own[1]
    named = pa.array(["http://a.example/2", None])
    at = [i for i, name in enumerate(documents.schema.names) if name == "canonical_url"]
    documents = (
        documents.set_column(at[0], "canonical_url", named) if at else documents.append_column("canonical_url", named)
    )
    assert url_hashes(documents).to_pylist() == [own[1], own[1]]
