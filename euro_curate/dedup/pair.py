"""From signatures to clusters, in tasks of bounded size: sort_keys -> pair -> connect, and contraction rounds where one task is not enough.

All bands and the exact hash are keys of one space, and a key includes the page's language: pages of two languages never meet, but share
tasks. A task reads a range of keys, or of nodes, out of sorted files; ranges of a hash are equally large, and how many there are
follows from the number of rows and the recipe's memory alone. The clusters do not depend on it: a component's root is the node whose
mixed hash is smallest, however it was found.

A round of contraction: `connect` each batch of links for itself; per node, over all batches, `label` it with the first of its roots and
`hook` the other roots to that one; connect the hooks, which are fewer; `compose` the labels with what became of them. Every round loses
at least the last node of each component, typically a third to nine tenths of all links.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from euro_curate import kernels
from euro_curate.schema import CLUSTERS, KEYS, LINKS
from euro_curate.stage import stage

U64 = npt.NDArray[np.uint64]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Pairing:
    """Parameters of the gathers: none that change the result."""


def node_hashes(ids: pa.ChunkedArray) -> U64:
    """(n,) 64-bit hashes of page ids. At ten thousand million pages two of them share one by chance; of their bands, which are 64 bits
    too, some forty do."""
    column = ids.cast(pa.string()).combine_chunks()
    if not len(column):
        return np.empty(0, np.uint64)
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    out: U64 = kernels.hash_strings(np.frombuffer(data or b"", np.uint8), ends)
    return out


def exact_hashes(exact: pa.ChunkedArray) -> pa.Array:
    """(n,) uint64: the first 8 of the 16 bytes; null where null."""
    column = exact.combine_chunks() if isinstance(exact, pa.ChunkedArray) else exact
    halves = np.frombuffer(column.buffers()[1] or b"", "<u8")[2 * column.offset : 2 * (column.offset + len(column)) : 2]
    return pa.array(halves.astype(np.uint64), mask=column.is_null().to_numpy(zero_copy_only=False))


def mixed(x: U64) -> U64:
    """kernels/hashing.py's `mix`, of an array."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@stage(out=KEYS, version=1, rows="free")
def sort_keys(signatures: pa.Table, languages: pa.Table, params: Pairing) -> pa.Table:
    """SIGNATURES, LANGUAGES (n each) of a batch of parts -> KEYS sorted by (key, node). Pages without text have none."""
    labels = languages["language"].combine_chunks().dictionary_encode()
    names = np.array([xxhash.xxh3_64_intdigest(name) for name in labels.dictionary.to_pylist()], np.uint64)
    salts = names[labels.indices.to_numpy()] if len(names) else np.empty(0, np.uint64)
    nodes = node_hashes(signatures["id"])
    exact = exact_hashes(signatures["exact"])
    has_text = exact.is_valid().to_numpy(zero_copy_only=False)
    lists = signatures["bands"].combine_chunks()
    bands, owners = pc.list_flatten(lists).to_numpy(), pc.list_parent_indices(lists).to_numpy()
    rows = np.concatenate([np.flatnonzero(has_text), owners])
    values = np.concatenate([exact.drop_null().to_numpy(), bands])
    return _sorted(KEYS, mixed(values * _GOLDEN + salts[rows]), nodes[rows])


@stage(out=LINKS, version=1, rows="free")
def pair(keys: pa.Table, params: Pairing) -> pa.Table:
    """KEYS of a range of keys -> LINKS sorted by node: pages with one key, joined within the range, so that each node but the roots has one
    row, however many keys it shares."""
    key, node = (keys[name].to_numpy() for name in KEYS.names)
    order = np.argsort(key)
    nodes, roots = kernels.components(*kernels.star_edges(key[order], node[order]))
    other = nodes != roots
    return _sorted(LINKS, nodes[other], roots[other])


@stage(out=CLUSTERS, version=2, rows="free")
def connect(links: pa.Table, params: Pairing) -> pa.Table:
    """LINKS -> CLUSTERS sorted by node: union-find over what is given; roots have a row too."""
    return _sorted(CLUSTERS, *kernels.components(links["node"].to_numpy(), links["root"].to_numpy()))


@stage(out=CLUSTERS, version=1, rows="free")
def label(clusters: pa.Table, params: Pairing) -> pa.Table:
    """CLUSTERS of all batches in a range of nodes -> each node with the first of its roots, sorted by cluster."""
    nodes, roots, first = _by_node(clusters)
    roots, nodes = roots[first], nodes[first]
    order = np.lexsort((nodes, roots))
    return pa.table([pa.array(nodes[order]), pa.array(roots[order])], schema=CLUSTERS)


@stage(out=LINKS, version=1, rows="free")
def hook(clusters: pa.Table, params: Pairing) -> pa.Table:
    """CLUSTERS of all batches in a range of nodes -> LINKS: the other roots of a node, to its first one. Without repeats."""
    _, roots, first = _by_node(clusters)
    heads = roots[first][np.cumsum(first) - 1] if len(first) else roots
    other = roots != heads
    pairs = np.unique(np.stack([roots[other], heads[other]], axis=1), axis=0)
    return pa.table([pa.array(pairs[:, 0].copy()), pa.array(pairs[:, 1].copy())], schema=LINKS)


@stage(out=CLUSTERS, version=1, rows="free")
def compose(labels: pa.Table, upper: pa.Table, params: Pairing) -> pa.Table:
    """Labels of a range of roots; the CLUSTERS that these roots came into -> CLUSTERS sorted by node."""
    nodes, roots = labels["node"].to_numpy(), labels["cluster"].to_numpy()
    names, ends = upper["node"].to_numpy(), upper["cluster"].to_numpy()
    order = np.argsort(names)
    names, ends = names[order], ends[order]
    at = np.minimum(np.searchsorted(names, roots), max(0, len(names) - 1))
    if len(names):
        roots = np.where(names[at] == roots, ends[at], roots)
    return _sorted(CLUSTERS, nodes, roots)


def _by_node(clusters: pa.Table) -> tuple[U64, U64, npt.NDArray[np.bool_]]:
    """Nodes, their roots, and which rows are a node's first: by node, then by the roots' mixed hashes."""
    nodes, roots = clusters["node"].to_numpy(), clusters["cluster"].to_numpy()
    order = np.lexsort((mixed(roots), nodes))
    nodes, roots = nodes[order], roots[order]
    return nodes, roots, np.concatenate([[True], nodes[1:] != nodes[:-1]])[: len(nodes)]


def _sorted(schema: pa.Schema, one: U64, other: U64) -> pa.Table:
    """Two columns by the first one. Rows that are equal in it are few or none, and what reads them asks for no order among them, but the
    bytes of a table must not depend on how it came: so these are ordered too."""
    order = np.argsort(one)
    one, other = one[order], other[order]
    ties = np.flatnonzero(one[1:] == one[:-1])
    if len(ties):
        repeated = np.zeros(len(one), np.bool_)
        repeated[ties] = repeated[ties + 1] = True
        rows = np.flatnonzero(repeated)
        other[rows] = other[rows][np.lexsort((other[rows], one[rows]))]
    return pa.table([pa.array(one), pa.array(other)], schema=schema)
