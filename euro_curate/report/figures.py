"""read_figures(): the small tables and run.json -> the figures of each section. Nothing here knows of HTML."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl
import pyarrow as pa

from euro_curate.languages import languages
from euro_curate.report.draw import LARGEST
from euro_curate.report.scales import BINS, position, scale
from euro_curate.report.words import FAMILIES, family
from euro_curate.schema import COUNTS, HOSTS, SAMPLES
from euro_curate.shards import Part, join, list_files, read_bytes, read_part
from euro_curate.verdict import RULES

SAMPLE_BYTES = 1_600_000  # of JSON, at most: what a page of any crawl spends on its samples
_STAGE_SUMS = ("parts", "reused", "rows_in", "rows_out", "seconds", "core_seconds")
_PEAK = 9999  # histograms of larger counts are told in such a share of their highest bin


def read_table(output: str, name: str, schema: pa.Schema) -> pl.DataFrame:
    """One of the report's small tables; without rows if the run has none."""
    paths = [path for path in list_files(join(output, "report", name)) if path.endswith(".parquet")]
    tables = [read_part(Part(name, path, "", 0, 0)) for path in paths]
    frame = pl.from_arrow(pa.concat_tables(tables) if tables else schema.empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def read_figures(output: str, summary: Mapping[str, Any] | None = None) -> "Figures":
    """A run's figures. `summary`: what run.json will hold, while it is not written. FileNotFoundError without a finished run."""
    if summary is None:
        data = read_bytes(join(output, "run.json"))
        if data is None:
            raise FileNotFoundError(f"no finished run in {output}: run.json is missing")
        summary = json.loads(data)
    return Figures(
        json.loads(json.dumps(summary)),
        read_table(output, "counts", COUNTS),
        read_table(output, "hosts", HOSTS),
        read_table(output, "samples", SAMPLES),
    )


def language_name(code: str) -> str:
    """A language's English name; what is none of the 24 by its label."""
    known = languages().get(code)
    return known.name if known else {"other": "other or none", "und": "none found"}.get(code, code)


@dataclass(frozen=True)
class Figures:
    """One run: run.json's content and the small tables. Each property is one section's figures; empty where the run lacks them."""

    summary: dict[str, Any]
    counts: pl.DataFrame = field(default_factory=lambda: _empty(COUNTS))
    hosts: pl.DataFrame = field(default_factory=lambda: _empty(HOSTS))
    samples_table: pl.DataFrame = field(default_factory=lambda: _empty(SAMPLES))

    def _topic(self, name: str) -> pl.DataFrame:
        return self.counts.filter(pl.col("topic") == name)

    @cached_property
    def verdicts(self) -> list[dict[str, Any]]:
        """pages, words, bytes by (language label, verdict)."""
        rows = self._topic("verdict").select("language", "pages", verdict="name", words="amount", bytes="further")
        return rows.sort("language", "verdict").to_dicts()

    @cached_property
    def headline(self) -> dict[str, Any]:
        """Pages, words and bytes of the whole."""
        passed = [row for row in self.verdicts if family(row["verdict"]) in ("kept", "budget")]
        sizes = self.summary["languages"].values()
        reasons: dict[str, int] = defaultdict(int)
        for row in self.verdicts:
            if row["verdict"] != "kept":
                reasons[family(row["verdict"])] += row["pages"]
        return {
            **{name: self.summary["pages"].get(name, 0) for name in ("seen", "kept", "dropped")},
            "passed": sum(row["pages"] for row in passed),
            "bytes": sum(row["bytes"] for row in self.verdicts),
            "available_words": sum(row["available_words"] for row in sizes),
            "dataset_words": sum(row["dataset_words"] for row in sizes),
            "languages": sum(1 for row in sizes if row["dataset_pages"]),
            "inputs": len(self.summary["inputs"]),
            "elapsed_s": self.summary.get("elapsed_s", 0.0),
            "reasons": sorted(reasons.items(), key=lambda item: (-item[1], item[0])),
        }

    @cached_property
    def steps(self) -> list[dict[str, Any]]:
        """The families that stopped pages, in the order in which they decide: how many each stopped, and how many went on."""
        stopped: dict[str, int] = defaultdict(int)
        for row in self.verdicts:
            stopped[family(row["verdict"])] += row["pages"]
        left, out = sum(stopped.values()), []
        for name in FAMILIES:
            if name != "kept" and stopped.get(name):
                left -= stopped[name]
                out.append({"family": name, "stopped": stopped[name], "left": left})
        return out

    @cached_property
    def funnel(self) -> list[dict[str, Any]]:
        """Per language of the 24 that was seen, then all others together: pages by family, words that passed."""
        groups: dict[str, dict[str, Any]] = {}
        for row in self.verdicts:
            code = row["language"] if row["language"] in languages() else "other"
            group = groups.setdefault(code, {"language": code, "seen": 0, "words": 0, "families": defaultdict(int)})
            group["seen"] += row["pages"]
            group["families"][family(row["verdict"])] += row["pages"]
            group["words"] += row["words"] if row["verdict"] == "kept" else 0
        return [groups[code] for code in (*languages(), "other") if code in groups]

    @cached_property
    def rules(self) -> list[dict[str, Any]]:
        """Verdicts by pages, most first, each with the language in which it takes the largest share."""
        seen = {row["language"]: row["seen"] for row in self.funnel}
        pages: dict[str, int] = defaultdict(int)
        by_group: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for row in self.verdicts:
            pages[row["verdict"]] += row["pages"]
            by_group[row["verdict"]][row["language"] if row["language"] in languages() else "other"] += row["pages"]
        out = []
        for verdict in sorted(pages, key=lambda v: (-pages[v], v)):
            shares = {code: (n / seen[code], n) for code, n in by_group[verdict].items()}
            worst = max(shares, key=lambda code: (shares[code], code))
            out.append(
                {"verdict": verdict, "pages": pages[verdict], "worst": worst, "worst_share": shares[worst][0],
                 "worst_pages": shares[worst][1]}
            )  # fmt: skip
        return out

    @cached_property
    def balance(self) -> list[dict[str, Any]]:
        """Per language with text: words before and after, and how often a trainer would repeat it."""
        return [
            {"language": code, **row} for code, row in self.summary["languages"].items() if row.get("available_words")
        ]

    @cached_property
    def measures(self) -> dict[str, dict[str, Any]]:
        """Per measure its axis, its rules with each language's threshold, and per language the pages in each bin: [passed, dropped].

        Counts above 9,999 a bin are told in `unit`s.
        """
        rows = self._topic("measure")
        if rows.is_empty():
            return {}
        thresholds = {code: dict(rules) for code, rules in self.summary["config"]["rules"]["thresholds"]}
        bars: dict[str, dict[str, list[list[int]]]] = defaultdict(dict)
        for language, name, passed, number, pages in rows.select("language", "name", "passed", "bin", "pages").rows():
            both = bars[name].setdefault(language, [[0] * BINS, [0] * BINS])
            both[0 if passed else 1][number] += pages
        ordered = [*dict.fromkeys(rule.measure for rule in RULES), *sorted(bars)]
        out: dict[str, dict[str, Any]] = {}
        for name in dict.fromkeys(m for m in ordered if m in bars):
            kind, end = scale(name)
            rules = [
                {
                    "name": rule.name,
                    "low": rule.low,
                    "at": {
                        code: [limits[rule.name], round(float(position(name, limits[rule.name])), 4)]
                        for code, limits in thresholds.items()
                        if rule.name in limits and code in bars[name]
                    },
                }
                for rule in RULES
                if rule.measure == name
            ]
            out[name] = {
                "scale": kind,
                "end": end,
                "rules": [rule for rule in rules if rule["at"]],
                "languages": {code: _in_units(*bars[name][code]) for code in languages() if code in bars[name]},
            }
        return out

    @cached_property
    def confusable(self) -> list[dict[str, Any]]:
        """Pairs (language, runner-up), the most easily confused first: by the probability that the runner-up got, summed over pages."""
        rows = self._topic("second").group_by("language", "name").agg(pl.col("pages", "amount", "further").sum())
        rows = rows.with_columns(of=pl.col("pages").sum().over("language"))
        out = [
            {
                "language": row["language"],
                "second": row["name"],
                "pages": row["pages"],
                "share": row["pages"] / row["of"],
                "score": row["amount"] / row["pages"] / 1e6,
                "second_score": row["further"] / row["pages"] / 1e6,
                "weight": row["further"] / row["of"] / 1e6,
            }
            for row in rows.to_dicts()
        ]
        out.sort(key=lambda row: (-row["weight"], row["language"], row["second"]))
        best: dict[str, int] = defaultdict(int)
        kept = []
        for row in out:
            best[row["language"]] += 1
            if best[row["language"]] <= 3:
                kept.append(row)
        return kept

    @cached_property
    def clusters(self) -> dict[str, Any]:
        """sizes: clusters and pages by size from 2, 4, 8 ... on; largest: the pages that stand for them."""
        rows = self._topic("clusters")
        by_size = rows.group_by("bin").agg(pl.col("pages", "amount").sum()).sort("bin")
        largest = [s for s in self.samples_table.to_dicts() if LARGEST in s["cells"].split()]
        return {
            "sizes": [{"from": 2**b, "to": 2 ** (b + 1) - 1, "clusters": n, "pages": m} for b, n, m in by_size.rows()],
            "largest": sorted(largest, key=lambda s: (-s["cluster_size"], s["id"])),
        }

    @cached_property
    def personal(self) -> dict[str, Any]:
        """kinds, and per language {kind: (findings, pages)}."""
        rows = self._topic("pii").group_by("language", "name").agg(pl.col("pages", "amount").sum())
        table: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
        for language, name, pages, amount in rows.sort("language", "name").rows():
            table[language][name] = (amount, pages)
        return {"kinds": sorted(rows["name"].unique().to_list()), "languages": dict(table)}

    @cached_property
    def opt_outs(self) -> list[dict[str, Any]]:
        """Per signal and place: pages that carry it, and how many of them were left out (for this reason or another)."""
        rows = self._topic("opt_out").group_by("name", "passed").agg(pl.col("pages").sum())
        signals: dict[str, dict[str, Any]] = {}
        for name, passed, pages in rows.sort("name", "passed").rows():
            word, _, where = name.partition("=")
            signal = signals.setdefault(name, {"signal": word, "where": where, "pages": 0, "left_out": 0})
            signal["pages"] += pages
            signal["left_out"] += 0 if passed else pages
        return sorted(signals.values(), key=lambda s: (-s["pages"], s["signal"], s["where"]))

    @cached_property
    def stages(self) -> list[dict[str, Any]]:
        """Stages in the order of the run; those called several times are added up."""
        out: dict[str, dict[str, Any]] = {}
        for row in self.summary["stages"]:
            one = out.setdefault(row["name"], {"name": row["name"], **dict.fromkeys(_STAGE_SUMS, 0)})
            for name in _STAGE_SUMS:
                one[name] += row.get(name, 0)
        return list(out.values())

    @cached_property
    def samples(self) -> list[dict[str, Any]]:
        """Sampled pages by language, then kept ones first; as many as fit into SAMPLE_BYTES, one more of every verdict in turn."""
        order = {name: i for i, name in enumerate(FAMILIES)}
        code_order = {code: i for i, code in enumerate(languages())}
        rows = [s for s in self.samples_table.to_dicts() if s["cells"] != LARGEST]
        rank: dict[tuple[str, str], int] = defaultdict(int)
        for row in rows:
            row["rank"] = rank[row["group"], row["verdict"]]
            rank[row["group"], row["verdict"]] += 1
        weight = {
            id(row): len(json.dumps(row, ensure_ascii=False, default=str).encode()) + 5 * row["excerpt"].count("<")
            for row in rows
        }
        used, out = 0, []
        for row in sorted(rows, key=lambda r: (r["rank"], r["id"], r["source"])):
            used += weight[id(row)]
            if used <= SAMPLE_BYTES:
                out.append({k: v for k, v in row.items() if k not in ("rank", "cells")})
        return sorted(
            out,
            key=lambda s: (
                code_order.get(s["group"], 99), order.get(family(s["verdict"]), 99), s["verdict"], s["id"], s["source"], s["offset"],
            ),
        )  # fmt: skip


def _in_units(passed: list[int], dropped: list[int]) -> dict[str, Any]:
    peak = max(a + b for a, b in zip(passed, dropped, strict=True))
    unit = max(1.0, peak / _PEAK)
    return {
        "pages": [sum(passed), sum(dropped)],
        "unit": unit,
        "bars": [_trimmed([min(_PEAK, -int(-n // unit)) for n in side]) for side in (passed, dropped)],
    }


def _trimmed(values: list[int]) -> list[int]:
    while values and not values[-1]:
        values = values[:-1]
    return values


def _empty(schema: pa.Schema) -> pl.DataFrame:
    frame = pl.from_arrow(schema.empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame
