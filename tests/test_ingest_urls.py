"""ingest/urls.py: what a list's or a recipe's rules block, in every spelling, and what they leave alone."""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from euro_curate.hosts import plain_host, site_of, split_url
from euro_curate.ingest.urls import UrlList, UrlRules, list_of
from euro_curate.recipe import RecipeError, configure

DOMAINS = """# a comment
Bad.example
www.worse.example   # and another
*.stars.example
.dots.example
bücher.example
192.0.2.7
com
localhost

"""
URLS = "shared.example/~bad/\nshared.example/x.php?id=7\nhttps://www.shared.example:8080/Dir/page\nonly.example/\n"
HOSTS = "127.0.0.1 localhost\n0.0.0.0 evil.example www.evil2.example # both\n::1 ip6.example\nnot a hosts line\n"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write(path: Path, content: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def ut1(folder: Path) -> str:
    write(folder / "domains", DOMAINS)
    write(folder / "urls", URLS)
    return str(folder)


def tarred(folder: Path) -> str:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        archive.add(ut1(folder / "adult"), arcname="adult")
    return write(folder / "adult.tar.gz", out.getvalue())


def rules(place: str, **more: tuple[str, ...]) -> UrlRules:
    return UrlRules((list_of("mine", "adult", place, "", ""),), **more)


BLOCKED = [
    ("http://bad.example/", "bad.example"),
    ("HTTPS://WWW.BAD.EXAMPLE./x?y#z", "bad.example"),
    ("https://a.b.bad.example:8443/x", "bad.example"),
    ("http://worse.example", "worse.example"),
    ("http://sub.worse.example", "worse.example"),
    ("http://stars.example/", "stars.example"),
    ("http://x.dots.example/", "dots.example"),
    ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
    ("https://BÜCHER.example/", "xn--bcher-kva.example"),
    ("http://192.0.2.7/x", "192.0.2.7"),
    ("http://shared.example/~bad", "shared.example/~bad"),
    ("http://www.shared.example/~BAD/page.html", "shared.example/~bad"),
    ("http://shared.example/x.php?id=7", "shared.example/x.php?id=7"),
    ("http://shared.example/dir/page/more", "shared.example/dir/page"),
    ("http://only.example/any", "only.example"),
]
LEFT = [
    "http://notbad.example/",
    "http://bad.example.org/",
    "http://example/",
    "http://good.com/",
    "http://shared.example/",
    "http://shared.example/~badly",
    "http://shared.example/x.php?id=8",
    "http://sub.shared.example/~bad",
    "http://192.0.2.8/",
    "mailto:x@bad.example",
    "bad.example",
    "http://[bad/",
    "",
    None,
]


@pytest.mark.parametrize("layout", ["folder", "tar", "plain", "gzip"])
def test_lists_in_every_layout_and_addresses_in_every_spelling(tmp_path: Path, layout: str) -> None:
    place = {
        "folder": lambda: ut1(tmp_path / "ut1"),
        "tar": lambda: tarred(tmp_path),
        "plain": lambda: write(tmp_path / "list.txt", DOMAINS + URLS),
        "gzip": lambda: write(tmp_path / "list.gz", gzip.compress((DOMAINS + URLS).encode())),
    }[layout]()
    mine = rules(place)
    assert [(url, mine.match(url)) for url, _ in BLOCKED] == [
        (url, ("url:adult", f"list mine: {entry}")) for url, entry in BLOCKED
    ]
    assert [url for url in LEFT if mine.match(url)] == []


def test_hosts_files(tmp_path: Path) -> None:
    mine = rules(write(tmp_path / "hosts", HOSTS))
    for host in ("evil.example", "www.evil.example", "evil2.example", "ip6.example"):
        assert mine.match(f"http://{host}/x")
    for host in ("127.0.0.1", "localhost", "hosts", "line.example"):
        assert mine.match(f"http://{host}/x") is None


def test_the_first_list_gives_the_category_and_allow_wins(tmp_path: Path) -> None:
    first = list_of("a", "malware", write(tmp_path / "a", "bad.example\n"), "", "")
    second = list_of("b", "", write(tmp_path / "b", "bad.example\nother.example\n"), "", "")
    mine = UrlRules((first, second), allow=("good.bad.example", "other.example/fine", "regex:/health/"))
    assert mine.match("http://bad.example/") == ("url:malware", "list a: bad.example")
    assert mine.match("http://other.example/") == ("url:b", "list b: other.example")
    for url in ("http://x.good.bad.example/", "http://other.example/fine/too", "http://bad.example/health/x"):
        assert mine.match(url) is None
    assert UrlRules((second, first)).match("http://bad.example/") == ("url:b", "list b: bad.example")


def test_patterns_of_the_recipe() -> None:
    mine = UrlRules(block=("*.Bad.example", "https://shop.example/cart/", r"regex:[?&]sid="))
    assert mine.match("http://www.bad.example") == ("url:block", "urls.block: *.Bad.example")
    assert mine.match("http://shop.example/cart?x") == ("url:block", "urls.block: https://shop.example/cart/")
    assert mine.match("http://any.example/?a=1&sid=2") == ("url:block", "urls.block: regex:[?&]sid=")
    assert mine.match("http://shop.example/cartoon") is None
    assert UrlRules().match("http://bad.example/") is None
    assert mine.match("http://caf\u00e9.example/\ud800?sid=1") == ("url:block", "urls.block: regex:[?&]sid=")
    assert mine.match("http://\ud800.example/") is None


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        ({"block": ["regex:("]}, "urls.block: 'regex:(' is no expression that RE2 takes"),
        ({"block": ["com"]}, "urls.block: 'com' is no pattern; write a domain"),
        ({"allow": ["a.*.example"]}, "urls.allow: 'a.*.example' is no pattern"),
        ({"blocklists": {"x": {}}}, "urls.blocklists.x: give either `file`, a local file or folder, or `url`"),
        ({"blocklists": {"x": {"url": "https://l.example/x"}}}, "urls.blocklists.x: a list behind a URL needs its `sha256`"),
        ({"blocklists": {"x": {"file": "/no/such/list"}}}, "urls.blocklists.x: /no/such/list cannot be read"),
        ({"blocklists": {"X-": {"file": "/x", "sha256": "0" * 64}}}, "urls.blocklists.X-: the category 'X-' is not of"),
        ({"blocklists": {"x": {"file": "/x", "sha256": "0"}}}, "urls.blocklists.x.sha256: '0' is not a digest"),
        ({"blocklist": {}}, "unknown key 'urls.blocklist': did you mean 'blocklists'?"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_the_fix(urls: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError) as refused:
        configure({"run": {"inputs": ["x"], "output": "y"}, "urls": urls})
    assert message in str(refused.value)


def test_a_list_is_its_digest(tmp_path: Path) -> None:
    folder = ut1(tmp_path / "ut1")
    told = "".join(
        f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n"
        for name, text in (("domains", DOMAINS), ("urls", URLS))
    )
    assert list_of("x", "", folder, "", "").sha256 == hashlib.sha256(told.encode()).hexdigest(), (
        "sha256sum domains urls | sha256sum"
    )
    write(tmp_path / "empty" / "expressions", "x")
    with pytest.raises(ValueError, match="neither of domains, urls is in it"):
        list_of("x", "", str(tmp_path / "empty"), "", "")
    wrong = UrlList("x", "x", "0" * 64, folder)
    with pytest.raises(ValueError, match="expected 0000"):
        UrlRules((wrong,)).match("http://a.example/")
    with pytest.raises(ValueError, match="expected 0000"):
        UrlRules((UrlList("x", "x", "0" * 64, f"{folder}/domains"),)).match("http://a.example/")


def test_hosts_have_one_spelling() -> None:
    assert plain_host("WWW.Bücher.Example.") == "www.xn--bcher-kva.example"
    assert plain_host("straße.example") == "xn--strae-oqa.example"
    assert plain_host("bad_host.example") == "bad_host.example" and plain_host("-ü-.example") == "-ü-.example"
    assert split_url("http://A.example:80/x?y#z") == ("a.example", "", "/x?y")
    assert split_url("http://a.example/x?y#z?") == split_url("HTTP://a.example/x?y#z?") == ("a.example", "", "/x?y")
    assert split_url("https://a.example#x") == split_url("HTTPS://a.example#x") == ("a.example", "", "/")
    assert split_url("https://A.example:80") == ("a.example", ":80", "/")
    assert site_of("https://u:p@a.example:8443/x") == "a.example:8443"
    for none in (None, "", "urn:x", "http://", "http://[x", "http://a.example:99999/"):
        assert split_url(none) is None and site_of(none) is None
