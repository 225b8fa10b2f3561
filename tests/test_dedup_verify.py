"""Verified clusters: what a chain of small changes joined, and the copy that stays has little in common with, leaves; near copies stay."""

from test_dedup import BASE, brief, edited, page, run

from euro_curate.dedup import Election

CHAIN = [BASE]
for _step in range(8):  # each changes its own ten words, so neighbours are near and the ends are not
    CHAIN.append([w if not 10 * _step <= i < 10 * _step + 10 else f"new{w}" for i, w in enumerate(CHAIN[-1])])
TEXTS = [" ".join(words) for words in CHAIN]


def chained(verify: float) -> dict[str, tuple[str, str | None, int]]:
    return brief(run([page(f"p{i}", text, words=999 - i) for i, text in enumerate(TEXTS)], Election(verify=verify)))


def test_a_chain_is_cut_where_it_leads_away_from_the_copy_that_stays() -> None:
    whole = chained(0.0)
    assert {row[2] for row in whole.values()} == {9}
    cut = chained(0.8)
    heads = [name for name, row in cut.items() if row[0] == "representative"]
    assert cut["p1"] == ("near", "p0", cut["p0"][2])
    assert "p8" not in cut or cut["p8"][1] != "p0"
    assert "p0" in heads
    for name, (kind, head, size) in cut.items():
        members = [n for n, row in cut.items() if (row[1] or n) == (head or name)]
        assert len(members) == size >= 2
        assert (kind == "representative") == (head is None)


def test_exact_copies_repeats_and_short_texts_never_leave() -> None:
    far = " ".join(edited(BASE, 60, seed=3))
    pages = [page("a", TEXTS[0], words=999), page("b", far), page("c", far), page("c", far, source="f2")]
    pages += [page("d", "two words"), page("e", "Two words!")]
    bridge = [page(f"x{i}", " ".join(edited(BASE, 2, seed=i))) for i in range(3)]
    found = run([*pages, *bridge], Election(verify=0.9))
    kinds = {key: row["kind"] for key, row in found.items()}
    assert kinds[("c", "f2", 0)] == "record"
    assert (
        found[("c", "f1", 0)]["duplicate_of"] == found[("c", "f2", 0)]["duplicate_of"]
        or kinds[("c", "f1", 0)] == "representative"
    )
    assert kinds[("e", "f1", 0)] == "exact"
    assert {found[key]["cluster_size"] for key in found if key[0] in "bc"} == {3}
