"""Hashes that every kernel shares. All arithmetic is modulo 2^64, so they are the same on every machine."""

import numba
import numpy as np

# For helpers: compiled into the kernels that call them, which alone are cached and can be called from Python.
jit = numba.njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # odd, near 2^64 / golden ratio
EMPTY = np.uint64(0)


@jit
def mix(x: np.uint64) -> np.uint64:
    """splitmix64's finaliser: every input bit reaches every output bit (Steele, Lea, Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@jit
def step(h: np.uint64, code: np.uint64) -> np.uint64:
    """One more code point into a running hash: one multiplication, and one-to-one in `h` and in `code`. `mix` finishes it."""
    h = (h ^ code) * GOLDEN
    return h ^ (h >> np.uint64(32))


@jit
def slots_for(items: int) -> int:
    """Size of an open-addressing table for so many items: a power of two, at most half full."""
    slots = 16
    while slots < 2 * items:
        slots *= 2
    return slots
