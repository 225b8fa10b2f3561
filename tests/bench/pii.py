"""Personal data: recall and precision on numbers made from a seed, false positives on clean text, speed; beside datatrove and Presidio.

    python tests/bench/pii.py [--seed N] [--each 60] [--clean FILE.jsonl.gz]... [--json FILE]

Every value is made at run time and stands once in a sentence with a word for it and once without, beside twins that fail the check,
and beside dates, prices, versions and citations. --clean: lines of {text, language}; what is found there is counted and, with --show N, printed.
"""

import argparse
import gzip
import json
import random
import statistics
import sys
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from euro_curate.languages import languages
from euro_curate.pii import find, redact_text

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench import pii_numbers as numbers

CARRIERS = tomllib.loads((Path(__file__).parent / "pii_carriers.toml").read_text("utf-8"))
CODES = {language.iso1: language.code for language in languages().values()}
GENERIC = ("email", "ip", "iban", "card", "phone")
Case = tuple[str, str, str, int, int]  # kind, language, text, start, end of the value; end 0 = nothing is to be found


def case(kind: str, iso: str, carrier: str, value: str, positive: bool = True) -> Case:
    at = carrier.index("{}")
    return kind, CODES[iso], carrier.replace("{}", value), at, at + len(value) if positive else 0


def generic_value(kind: str, iso: str, draw: random.Random) -> str:
    makers: dict[str, Callable[[], str]] = {
        "email": lambda: numbers.email(CODES[iso][:3], draw),
        "ip": lambda: numbers.ip(draw),
        "iban": lambda: numbers.iban(draw.choice(numbers.STATES), draw),
        "card": lambda: numbers.card(draw),
        "phone": lambda: numbers.phone(draw.choice(numbers.STATES), draw),
    }
    return makers[kind]()


def broken(kind: str, value: str, draw: random.Random) -> str | None:
    """A value of the same shape that is none."""
    if kind in ("iban", "card"):
        return numbers.twin(value, draw)
    if kind == "ip":
        return f"10.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(256)}"
    return value.replace("@", " @ ") if kind == "email" else None


def generated(seed: int, each: int) -> list[Case]:
    """`each` values a kind and language, as many twins, and the noise."""
    draw = random.Random(seed)
    cases: list[Case] = []
    for iso, carriers in CARRIERS.items():
        for kind in GENERIC:
            for _ in range(each):
                value = generic_value(kind, iso, draw)
                cases.append(case(kind, iso, draw.choice(carriers["plain"]), value))
                if wrong := broken(kind, value, draw):
                    cases.append(case(kind, iso, draw.choice(carriers["plain"]), wrong, positive=False))
        for kind, sentences in carriers.items():
            if kind in ("plain", "noise"):
                continue
            for _ in range(each):
                value = numbers.national(kind, draw)
                cases.append(case(kind, iso, draw.choice(sentences), value))
                cases.append(case(f"{kind} alone", iso, draw.choice(carriers["plain"]), value))
                if kind != "dk_cpr":  # without a check digit there is no twin
                    cases.append(case(kind, iso, draw.choice(sentences), numbers.twin(value, draw), positive=False))
                cases.append(("noise", CODES[iso], " ".join(draw.sample(carriers["noise"], 2)), 0, 0))
    return cases


def score(
    cases: Iterable[Case], finder: Callable[[str, str], list[tuple[int, int]]]
) -> dict[str, dict[str, Counter[str]]]:
    """kind -> language -> counts of found, missed and false. Right is what covers the value and nothing beside it."""
    out: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for kind, language, text, start, end in cases:
        spans = finder(text, language)
        hit = (start, end) in spans
        counts = out[kind][language]
        if end:
            counts["found" if hit else "missed"] += 1
        counts["false"] += len(spans) - hit
    return out


def told(counts: Iterable[Counter[str]]) -> tuple[float, float, int]:
    """(recall, precision, values)."""
    total: Counter[str] = sum(counts, Counter())
    values = total["found"] + total["missed"]
    return total["found"] / max(values, 1), total["found"] / max(total["found"] + total["false"], 1), values


def ours(text: str, language: str) -> list[tuple[int, int]]:
    return [(span.start, span.end) for span in find(text, language)]


def presidio() -> dict[str, Callable[[str, str], list[tuple[int, int]]]]:
    """Its generic recognisers, without a language model: of patterns, and of phones by themselves. Nothing where it is not installed."""
    try:
        import tldextract.tldextract
        from presidio_analyzer import predefined_recognizers as known
    except ImportError:
        return {}
    # the list of public suffixes that it brings along, not one from the network
    tldextract.tldextract.TLD_EXTRACTOR = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    patterns = [known.CreditCardRecognizer(), known.IbanRecognizer(), known.IpRecognizer(), known.EmailRecognizer()]

    def finder(recognisers: list[Any]) -> Callable[[str, str], list[tuple[int, int]]]:
        def run(text: str, language: str) -> list[tuple[int, int]]:
            found = [hit for one in recognisers for hit in one.analyze(text, one.supported_entities, None)]
            return sorted({(hit.start, hit.end) for hit in found if hit.score >= 0.4})  # 0.4: what it gives to phones

        return run

    return {"presidio": finder(patterns), "its phones": finder([known.PhoneRecognizer()])}


def datatrove() -> tuple[Callable[[str, str], list[tuple[int, int]]], Callable[[str], str]]:
    from datatrove.pipeline.formatters import PIIFormatter

    formatter = PIIFormatter()
    replacers = (formatter.emails_replacer, formatter.ip_replacer)

    def run(text: str, language: str) -> list[tuple[int, int]]:
        return [m.span() for r in replacers for m in r.regex.finditer(text) if not r.validator or r.validator(m[0])]

    return run, formatter.format


def clean_documents(paths: Iterable[str]) -> list[dict[str, str]]:
    out: list[dict[str, str]] = []
    for path in paths:
        with (
            gzip.open(path, "rt", encoding="utf-8")
            if path.endswith(".gz")
            else Path(path).open(encoding="utf-8") as lines
        ):
            out += map(json.loads, lines)
    return out


def clean_report(documents: list[dict[str, str]], show: int) -> dict[str, Any]:
    """Per language: MB, and what was found there by kind. Whether it is false, a person has to say: --show."""
    sizes: Counter[str] = Counter()
    found: dict[str, Counter[str]] = defaultdict(Counter)
    shown: Counter[str] = Counter()
    for document in documents:
        text, language = document["text"], document["language"]
        sizes[language] += len(text.encode())
        for span in find(text, language):
            found[language][span.kind] += 1
            shown[span.kind] += 1
            if shown[span.kind] <= show:
                print(f"{span.kind:14} {language} {text[max(0, span.start - 60) : span.end + 30]!r}")
    return {code: {"mb": sizes[code] / 1e6, "found": dict(found[code].most_common())} for code in sorted(sizes)}


def speed(documents: list[dict[str, str]], rounds: int) -> dict[str, float]:
    """MB of UTF-8 text a second of CPU time, medians of turns: ours with every default kind, datatrove's e-mail and IPv4."""
    _, theirs = datatrove()
    mb = sum(len(d["text"].encode()) for d in documents) / 1e6
    sides: dict[str, Callable[[dict[str, str]], Any]] = {
        "ours": lambda d: redact_text(d["text"], d["language"]),
        "datatrove": lambda d: theirs(d["text"]),
    }
    times: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for name, work in sides.items():
            start = time.process_time()
            for document in documents:
                work(document)
            if number:  # the first turn compiles
                times[name].append(time.process_time() - start)
    return {"mb": mb} | {name: mb / statistics.median(spent) for name, spent in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=60)
    parser.add_argument("--clean", nargs="*", default=[])
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    options = parser.parse_args()
    cases = generated(options.seed, options.each)
    results: dict[str, Any] = {"seed": options.seed, "cases": len(cases), "kinds": {}}
    sides = {"ours": ours, "datatrove": datatrove()[0]}
    sides |= presidio()
    if "presidio" not in sides:
        print("presidio is not installed: left out")
    for name, finder in sides.items():
        for kind, by_language in sorted(score(cases, finder).items()):
            recall, precision, values = told(by_language.values())
            false = sum(counts["false"] for counts in by_language.values())
            if name == "ours" or kind in GENERIC:
                print(
                    f"{name:10} {kind:20} recall {recall:6.3f}  precision {precision:6.3f}  values {values:6}  false {false}"
                )
                results["kinds"][f"{name} {kind}"] = {
                    "recall": recall,
                    "precision": precision,
                    "values": values,
                    "false": false,
                }
            if name == "ours" and kind in GENERIC:
                weak = {code: told([c])[0] for code, c in by_language.items() if told([c])[0] < 0.98}
                if weak:
                    print(f"{'':31} weak in {weak}")
    if options.clean:
        documents = clean_documents(options.clean)
        results["clean"] = clean_report(documents, options.show)
        for code, row in results["clean"].items():
            print(f"{code}  {row['mb']:7.2f} MB  found {sum(row['found'].values()):5}  {row['found']}")
    else:
        documents = [{"text": text, "language": language} for _, language, text, _, _ in cases]
    results["speed"] = speed(documents, options.rounds)
    s = results["speed"]
    print(
        f"speed on {s['mb']:.1f} MB: ours {s['ours']:.1f} MB/s, datatrove {s['datatrove']:.1f} MB/s, {s['ours'] / s['datatrove']:.1f} times"
    )
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
