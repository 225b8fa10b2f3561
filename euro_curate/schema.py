"""The Arrow schema of every table, in flow order. One comment a column; a change of meaning is a new version of its stage.

Row-aligned tables start with `id: string not null`, and the same part key means the same ids in the same order.
"""

import pyarrow as pa

ID = pa.field("id", pa.string(), nullable=False)


def _schema(*fields: tuple[str, pa.DataType] | pa.Field) -> pa.Schema:
    return pa.schema([f if isinstance(f, pa.Field) else pa.field(*f) for f in fields])


# One row per response, resource or conversion record (or text document), in file order. Stopped pages keep a row, with empty text.
DOCUMENTS = _schema(
    ID,  # WARC-Record-ID's UUID as 32 hex digits; see ingest/identity.py
    ("url", pa.string()),  # target URI, as the crawler wrote it
    ("host", pa.string()),  # lower-case host of the url
    ("crawled_at", pa.timestamp("ms", tz="UTC")),  # WARC-Date
    pa.field("source", pa.string(), nullable=False),  # crawl file, relative to the input root
    pa.field(
        "offset", pa.int64(), nullable=False
    ),  # byte offset of the record in that file (row number for text inputs)
    ("status", pa.int16()),  # HTTP status; null for resource, conversion and text
    ("mime", pa.string()),  # media type, from the header or else sniffed
    ("charset", pa.string()),  # what the bytes were decoded with
    ("html_lang", pa.string()),  # <html lang>
    ("title", pa.string()),  # <title>
    ("canonical_url", pa.string()),  # absolute target of rel=canonical, in the page or its Link header
    ("published", pa.string()),  # day of publication as the page states it, YYYY-MM-DD
    ("content_language", pa.string()),  # HTTP header
    ("last_modified", pa.timestamp("ms", tz="UTC")),  # HTTP header
    pa.field("text", pa.large_string(), nullable=False),  # main text; "" when stopped
    pa.field("bytes_in", pa.int64(), nullable=False),  # payload bytes as stored in the crawl
    ("gate_language", pa.string()),  # language of the raw page's plain text, before extraction
    ("gate_score", pa.float64()),  # its probability
    ("licence", pa.string()),  # the licence's URL or text, when the page names one; never a claim that it holds
    ("licence_id", pa.string()),  # its short form if it is one of Creative Commons, e.g. CC-BY-SA-4.0
    ("licence_from", pa.string()),  # where it stood: header | link | meta | jsonld | a | mention; see ingest/head.py
    ("opt_out", pa.string()),  # what headers and markup say of uses, `signal=where[:value]; ...`; see optout/signals.py
    ("stop", pa.string()),  # null, or the verdict that ended the page at ingest
    ("evidence", pa.string()),  # what that verdict rests on, never page text
)

# What sites say of uses in robots.txt and /.well-known/tdmrep.json: records that are no pages. Beside the DOCUMENTS of a crawl file that holds any.
POLICIES = _schema(
    pa.field("site_hash", pa.uint64(), nullable=False),  # xxh3_64 of site: what ranges are taken of
    pa.field("site", pa.string(), nullable=False),  # host, and port if it is not the scheme's; see hosts.py
    pa.field("kind", pa.string(), nullable=False),  # robots.txt | tdmrep.json
    ("fetched_at", pa.timestamp("ms", tz="UTC")),  # WARC-Date: of a site's policies, the newest counts
    ("status", pa.int16()),  # HTTP status: 200, or 4xx = there is none; null for resource records
    pa.field("body", pa.large_string(), nullable=False),  # "" where there is none
    pa.field("source", pa.string(), nullable=False),  # crawl file
    pa.field("offset", pa.int64(), nullable=False),  # of the record
)

# Pages' addresses, sorted by their site's hash: what meets POLICIES.
ADDRESSES = _schema(
    ID,
    pa.field("source", pa.string(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
    pa.field("site_hash", pa.uint64(), nullable=False),
    pa.field("url", pa.string(), nullable=False),
    pa.field(
        "tdm_stated", pa.bool_(), nullable=False
    ),  # the page states a tdm-reservation itself, which overrules its site's
)

# One row per page that its site says something of, sorted by source: what `decide` looks up.
RESERVATIONS = _schema(
    ID,
    pa.field("source", pa.string(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
    pa.field("site", pa.string(), nullable=False),
    ("signal", pa.string()),  # the one that excludes the page; null = what was found is on record only
    pa.field("found", pa.string(), nullable=False),  # `signal=where[:value]; ...`
    pa.field("policy", pa.string(), nullable=False),  # which captures say so: kind, day, crawl file, offset
)

LANGUAGES = _schema(
    ID,
    pa.field("language", pa.string(), nullable=False),  # accepted label of the model (neighbours too), or `und`
    ("score", pa.float64()),  # probability of the best label, accepted or not; null without letters
    ("second", pa.string()),  # runner-up label
    ("second_score", pa.float64()),  # its probability
    (
        "line_share",
        pa.float64(),
    ),  # share of the text in lines of `language`, or of what a line of it is easily taken for
)

# DOCUMENTS without clearly foreign lines: what stands for DOCUMENTS from here on, where the recipe asks for it.
TRIMMED = _schema(
    *DOCUMENTS,
    pa.field("trimmed_lines", pa.int32(), nullable=False),  # lines taken out of the text
    pa.field("trimmed_chars", pa.int64(), nullable=False),  # their code points, line ends included
)

# Lines of pages by hash of (host, line). Only where the recipe asks for it, as the next two.
LINES = _schema(
    pa.field("key", pa.uint64(), nullable=False),
    pa.field("source", pa.string(), nullable=False),
    pa.field("pages", pa.int64(), nullable=False),  # of that crawl file that have the line
)

COMMON_LINES = _schema(
    pa.field("source", pa.string(), nullable=False),
    pa.field("key", pa.uint64(), nullable=False),  # of a line that too many pages of its host have
)

# DOCUMENTS without such lines: what stands for DOCUMENTS from here on.
SHORTENED = _schema(
    *DOCUMENTS,
    pa.field("common_lines", pa.int32(), nullable=False),  # lines taken out of the text
    pa.field("common_chars", pa.int64(), nullable=False),  # their code points, line ends included
)

SIGNATURES = _schema(
    ID,
    ("exact", pa.binary(16)),  # xxh3_128 of the normalised words; null for empty text
    (
        "bands",
        pa.list_(pa.uint64()),
    ),  # LSH band hashes, as many as the recipe says; null for texts shorter than one shingle
    ("sketch", pa.binary()),  # two bits of each minimum, where the recipe verifies clusters; null otherwise
    ("url_hash", pa.uint64()),  # hash of the canonical address; null without one
)

# Numbers, not decisions. Each measure is documented in quality.py; a measure never changes under its name.
QUALITIES = _schema(
    ID,
    *(
        (name, pa.int32())
        for name in ("words", "chars", "lines", "paragraphs", "sentences", "stop_words", "longest_word")
    ),
    *(
        (name, pa.float64())
        for name in (
            "mean_word_length",
            "alpha_words",
            "hashes_per_word",
            "ellipses_per_word",
            "bullet_lines",
            "list_lines",
            "ellipsis_lines",
            "stop_word_share",
            "duplicate_lines",
            "duplicate_line_chars",
            "duplicate_paragraphs",
            "duplicate_paragraph_chars",
            "duplicate_chars",
            "top_2gram",
            "top_3gram",
            "top_4gram",
            "duplicate_5gram",
            "duplicate_6gram",
            "duplicate_7gram",
            "duplicate_8gram",
            "duplicate_9gram",
            "duplicate_10gram",
            "punctuated_lines",
            "short_lines",
            "newlines_per_word",
            "prose_words",
            "few_word_lines",
            "javascript_lines",
            "brace_chars",
            "filler_words",
            "distinct_words",
            "word_entropy",
            "top_word",
            "caps_words",
            "digit_chars",
            "upper_letters",
            "punctuation_chars",
            "urls_per_word",
            "own_letters",
            "broken_chars",
        )
    ),
)

# Personal data: where, never what. Pages in other languages than the 24 have none looked up.
SPOTS = _schema(
    ID,
    pa.field(
        "found",
        pa.list_(
            pa.struct([("kind", pa.string()), ("start", pa.int64()), ("end", pa.int64())])
        ),  # code-point offsets in the text, in order, without overlap
        nullable=False,
    ),
)

# What filters of datatrove's kind say of each page (screening.py). No such table where the recipe names no filter.
SCREENS = _schema(
    ID,
    ("filter", pa.string()),  # class name of the first filter that drops the page; null = none does
    ("reason", pa.string()),  # what it gives as its reason, `error:<type>`, or its class name
)

# The optional classifier's opinion.
SCORES = _schema(
    ID,
    (
        "quality_score",
        pa.float64(),
    ),  # probability of its label; null without text, or in a language without a classifier
)

# Scored pages by language and bin of the score: what `cut_scores` needs, small whatever the crawl's size.
SCORE_BINS = _schema(
    pa.field("language", pa.string(), nullable=False),
    pa.field("bin", pa.int32(), nullable=False),  # floor(score * 4096), at most 4095
    pa.field("pages", pa.int64(), nullable=False),
)

# One row per language that has scored pages.
CUTS = _schema(
    pa.field("language", pa.string(), nullable=False),
    pa.field("threshold", pa.float64(), nullable=False),  # pages with a score below are `quality:score`
    pa.field("pages", pa.int64(), nullable=False),  # scored
    pa.field("kept", pa.int64(), nullable=False),  # of these, at or above the threshold
)

# What pages are paired by: rows with one key belong together. All bands and the hash of all words, of many parts, by key.
KEYS = _schema(
    pa.field("key", pa.uint64(), nullable=False),  # hash of (band or words, language)
    pa.field(
        "node", pa.uint64(), nullable=False
    ),  # hash of the page's id: what a page is called between here and `enrol`
)

LINKS = _schema(
    pa.field("node", pa.uint64(), nullable=False),
    pa.field("root", pa.uint64(), nullable=False),  # another node of the same cluster
)

# Members of clusters, roots included. The root is a name: the node whose mixed hash is smallest, not the representative.
CLUSTERS = _schema(
    pa.field("node", pa.uint64(), nullable=False),
    pa.field("cluster", pa.uint64(), nullable=False),
)

# What pages share with the benchmarks that the recipe names. No such table where it names none.
OVERLAPS = _schema(
    ID,
    ("benchmark", pa.string()),  # the one with which the page shares most; null = shares with none
    pa.field("shared_ngrams", pa.int32(), nullable=False),  # distinct ones
)

# What the rules say of each page by itself: verdict null = passes everything before `duplicate`.
RULINGS = _schema(
    ID,
    pa.field("source", pa.string(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
    ("url", pa.string()),
    ("crawled_at", pa.timestamp("ms", tz="UTC")),
    pa.field("language", pa.string(), nullable=False),
    ("language_score", pa.float64()),
    ("words", pa.int32()),
    ("quality_score", pa.float64()),
    ("verdict", pa.string()),  # null or `<family>:<rule>`
    ("rule", pa.string()),  # the measure or signal it rests on
    ("value", pa.float64()),  # what was measured
    ("threshold", pa.float64()),  # what it was held against
    ("evidence", pa.string()),
)

# What an election needs to know of every page, of many parts, by node.
CANDIDATES = _schema(
    pa.field("node", pa.uint64(), nullable=False),
    ID,
    pa.field("source", pa.string(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
    pa.field(
        "standing", pa.int8(), nullable=False
    ),  # 0 published by an earlier run, 1 of this run, 2 of an earlier run, not published
    pa.field("passes", pa.bool_(), nullable=False),  # everything that comes before `duplicate`
    ("exact", pa.uint64()),  # first 8 bytes of the hash of all words
    ("sketch", pa.binary()),
    ("url_hash", pa.uint64()),
    ("words", pa.int32()),
    ("quality_score", pa.float64()),
    ("crawled_at", pa.timestamp("ms", tz="UTC")),
)

# Candidates that have an address and pass, by address. Only where the recipe asks for it.
URL_KEYS = _schema(
    *(CANDIDATES.field(name) for name in ("url_hash", "node", "id", "source", "offset", "standing", "crawled_at"))
)

# All but the one page that stays of each address, by node.
URL_LOSERS = _schema(
    *(CANDIDATES.field(name) for name in ("node", "id", "source", "offset")),
    pa.field("winner", pa.string(), nullable=False),  # id of the page that stays
)

# Candidates that are in a cluster, occur again, or lost their address to another page; by cluster.
MEMBERS = _schema(
    pa.field("cluster", pa.uint64(), nullable=False),  # a page in no cluster is one of its own
    *list(CANDIDATES)[1:],
    ("winner", pa.string()),  # URL_LOSERS
)

# One row per page of this run in MEMBERS: what `settle` looks up. By source.
ELECTIONS = _schema(
    ID,
    pa.field("source", pa.string(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
    ("duplicate_of", pa.string()),  # the representative's id; null on the representative itself
    pa.field("kind", pa.string(), nullable=False),  # representative | exact | near | record | url
    pa.field("cluster", pa.uint64(), nullable=False),  # its name in MEMBERS: the same whoever is elected
    pa.field("cluster_size", pa.int64(), nullable=False),  # pages in the cluster, whatever their verdicts or run
)

# The contract: one row per page seen, one verdict each.
VERDICTS = _schema(
    ID,
    ("url", pa.string()),
    ("language", pa.string()),
    pa.field("verdict", pa.string(), nullable=False),  # kept, or <family>:<rule>
    ("rule", pa.string()),
    ("duplicate_of", pa.string()),
    pa.field("source", pa.string(), nullable=False),
    ("evidence", pa.string()),
    ("language_score", pa.float64()),
    ("value", pa.float64()),
    ("threshold", pa.float64()),
    pa.field("cluster_size", pa.int64(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
)

# Kept pages only, redacted, with what the dataset needs.
CLEAN = _schema(
    ID,
    pa.field("order", pa.uint64(), nullable=False),  # hash of (id, seed): the global shuffle and the sampling order
    pa.field("language", pa.string(), nullable=False),
    pa.field("text", pa.large_string(), nullable=False),
    ("url", pa.string()),
    ("crawled_at", pa.timestamp("ms", tz="UTC")),
    pa.field("source", pa.string(), nullable=False),
    ("language_score", pa.float64()),
    ("second", pa.string()),
    ("second_score", pa.float64()),
    pa.field("cluster_size", pa.int64(), nullable=False),
    pa.field("words", pa.int64(), nullable=False),
    pa.field("chars", pa.int64(), nullable=False),  # code points of the redacted text
    pa.field("bytes", pa.int64(), nullable=False),  # of the redacted text in UTF-8
    pa.field("redactions", pa.int32(), nullable=False),
    ("pii", pa.string()),  # the same by kind, as JSON {kind: count}; null = none
    ("licence", pa.string()),
    ("licence_id", pa.string()),
    ("title", pa.string()),
    ("published", pa.string()),
)

# How long each page is in the user's tokenizer: a table of its own, as counting takes long. No such table where the recipe names none.
TOKENS = _schema(
    ID,
    pa.field("tokens", pa.int64(), nullable=False),  # of the redacted text, without special ones
)

# What the budget needs of each page of CLEAN; it outlives the text.
SIZES = _schema(
    ID,
    pa.field("language", pa.string(), nullable=False),
    pa.field("order", pa.uint64(), nullable=False),  # hash of (id, seed)
    pa.field(
        "cluster", pa.uint64(), nullable=False
    ),  # hash of (name of the page's cluster, seed): decides on the split
    pa.field("cluster_size", pa.int64(), nullable=False),
    ("quality_score", pa.float64()),  # of the optional classifier
    pa.field("words", pa.int64(), nullable=False),
    pa.field("bytes", pa.int64(), nullable=False),  # of the redacted text in UTF-8
)

# Sizes by language, split, bin of the rank and copies: what `allocate` needs, small whatever the crawl's size.
WEIGHTS = _schema(
    pa.field("language", pa.string(), nullable=False),
    pa.field("split", pa.int8(), nullable=False),  # 0 train, 1 validation, 2 test
    pa.field("bin", pa.int32(), nullable=False),  # balance/draw.py: bins()
    pa.field("copies", pa.int32(), nullable=False),  # how often an epoch shows each of these pages
    pa.field("pages", pa.int64(), nullable=False),
    pa.field("words", pa.int64(), nullable=False),
    pa.field("bytes", pa.int64(), nullable=False),
    pa.field("tokens", pa.int64(), nullable=False),  # 0 without a tokenizer
)

_AMOUNTS = ("pages", "words", "bytes", "tokens")


def _amounts(prefix: str = "") -> list[pa.Field]:
    return [pa.field(prefix + name, pa.int64(), nullable=False) for name in _AMOUNTS]


_QUOTA = (
    pa.field("language", pa.string(), nullable=False),
    pa.field("unit", pa.string(), nullable=False),  # words | bytes | tokens: of epoch and quota
    *_amounts(),  # available for training after all rules, each page once
    pa.field("epoch", pa.int64(), nullable=False),  # units in one pass, copies by cluster size included
    pa.field("quota", pa.int64(), nullable=False),  # what the budget gives this language
    pa.field("passes", pa.int64(), nullable=False),  # whole epochs in the quota
)
_HELD = tuple(
    pa.field(f"{split}_{name}", pa.int64(), nullable=False)
    for split in ("validation", "test")
    for name in ("pages", "bytes")
)

# One row per language that has kept pages: how far the quota reaches, to the bin.
ALLOTMENTS = _schema(
    *_QUOTA,
    ("bin", pa.int32()),  # in which the last pass ends; null = the quota ends with a whole pass
    pa.field("left", pa.int64(), nullable=False),  # units of the quota for pages of that bin
    *_amounts("copied_"),  # of one pass, copies included
    *_amounts("part_"),  # of the last pass, bins before that one, each page once
    *_amounts("part_copied_"),  # ... copies included
    *_HELD,
)

# The pages of the bins where quotas end, by language and rank.
BORDERS = _schema(
    pa.field("language", pa.string(), nullable=False),
    pa.field("rank", pa.uint64(), nullable=False),
    pa.field("copies", pa.int32(), nullable=False),
    *_amounts(),
)

# The plan. One row per language that has kept pages.
BUDGET = _schema(
    *_QUOTA,
    pa.field("cut", pa.uint64(), nullable=False),  # the last pass takes pages of rank < cut ...
    pa.field("partial", pa.int64(), nullable=False),  # ... and so many copies of the one at the cut
    *_amounts("taken_"),  # in the dataset, each page once
    *_amounts("total_"),  # repeats included: what a trainer reads
    pa.field("epochs", pa.float64(), nullable=False),  # total / epoch
    *_HELD,
    pa.field("train_shards", pa.int64(), nullable=False),
    pa.field("validation_shards", pa.int64(), nullable=False),
    pa.field("test_shards", pa.int64(), nullable=False),
)

# CLEAN of a batch of parts by (folder, order): what a shard reads ranges of.
SHUFFLED = _schema(
    *CLEAN,
    pa.field("folder", pa.string(), nullable=False),  # <language>/<split>
    ("quality_score", pa.float64()),
    ("token_count", pa.int64()),  # null without a tokenizer
)

# What the report counts, in long form: sums of this table are this table. What the numbers of each topic are: report/count.py.
COUNTS = _schema(
    pa.field("topic", pa.string(), nullable=False),  # verdict | measure | second | clusters | opt_out | pii
    pa.field("language", pa.string(), nullable=False),
    pa.field("name", pa.string(), nullable=False),  # the verdict, measure, runner-up label, signal or kind
    pa.field("passed", pa.bool_(), nullable=False),  # pages that all rules let through, the budget apart
    pa.field("bin", pa.int32(), nullable=False),  # of the measure, or of the cluster's size
    pa.field("pages", pa.int64(), nullable=False),
    pa.field("amount", pa.int64(), nullable=False),
    pa.field("further", pa.int64(), nullable=False),
)

# Pages by host, sorted by order: exact whatever the crawl's size, because each range of the order is summed for itself.
HOSTS = _schema(
    pa.field("host", pa.string(), nullable=False),
    pa.field("order", pa.uint64(), nullable=False),  # hash of the host
    pa.field("passed", pa.int64(), nullable=False),
    pa.field("dropped", pa.int64(), nullable=False),
)

# Which pages the report shows: the first few of each cell in the order of a hash.
DRAWS = _schema(
    ID,
    pa.field("order", pa.uint64(), nullable=False),  # hash of the id, or the largest clusters first
    pa.field("cell", pa.string(), nullable=False),  # the verdict, or `largest` for clusters
    pa.field("group", pa.string(), nullable=False),  # one of the 24 languages, or `other`
    pa.field("source", pa.string(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
)

# The pages that the report shows, redacted.
SAMPLES = _schema(
    ID,
    pa.field("cells", pa.string(), nullable=False),  # what it was drawn for, joined by spaces
    pa.field("group", pa.string(), nullable=False),
    ("language", pa.string()),
    pa.field("verdict", pa.string(), nullable=False),
    ("rule", pa.string()),
    ("value", pa.float64()),
    ("threshold", pa.float64()),
    ("evidence", pa.string()),
    ("url", pa.string()),
    ("title", pa.string()),
    pa.field("excerpt", pa.string(), nullable=False),  # the beginning of the text
    pa.field("more_chars", pa.int64(), nullable=False),  # code points of the redacted text behind it
    ("words", pa.int32()),
    ("language_score", pa.float64()),
    ("second", pa.string()),
    ("second_score", pa.float64()),
    pa.field("cluster_size", pa.int64(), nullable=False),
    ("duplicate_of", pa.string()),
    pa.field("source", pa.string(), nullable=False),
    pa.field("offset", pa.int64(), nullable=False),
)

# The dataset: FineWeb-2's columns first, same names and types, then ours.
DATASET = _schema(
    pa.field("text", pa.string()),
    pa.field("id", pa.string()),
    pa.field("dump", pa.string()),
    pa.field("url", pa.string()),
    pa.field("date", pa.string()),
    pa.field("file_path", pa.string()),
    pa.field("language", pa.string()),
    pa.field("language_score", pa.float64()),
    pa.field("language_script", pa.string()),
    pa.field("minhash_cluster_size", pa.int64()),
    pa.field("top_langs", pa.string()),
    pa.field("title", pa.string()),
    pa.field("licence", pa.string()),
    pa.field("licence_id", pa.string()),
    pa.field("published", pa.string()),
    pa.field("words", pa.int64()),
    pa.field("redactions", pa.int32()),
    pa.field("pii", pa.string()),
    pa.field("quality_score", pa.float64()),
    pa.field("token_count", pa.int64()),
    pa.field("repeats", pa.int32()),
)
