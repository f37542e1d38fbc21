"""Numbers that look random and depend on nothing but their inputs: the same in every version, on
every machine.
"""

from __future__ import annotations

import numpy as np

from spadework.arrays import Array, Offsets

STEP = np.uint64(0x9E3779B97F4A7C15)
"""The increment of splitmix64."""


def mixed(numbers: Array) -> Array:
    """The finaliser of splitmix64 over uint64: every bit of the input affects every bit of the
    output.
    """
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(numbers ^ (numbers >> np.uint64(31)))


def of_numbers(numbers: Array) -> Array:
    """The hash of whole numbers: uint64, the first output of splitmix64 with the number as its
    seed. No two numbers share one.
    """
    return mixed(numbers.astype(np.int64, copy=False).view(np.uint64) + STEP)


def of_texts(text: Array, starts: Offsets) -> Array:
    """The hash of texts: uint64. Text i is the bytes `text[starts[i]:starts[i + 1]]`, uint8.

    It begins with the number of bytes; for each eight of them, the last padded with zeros and read
    as one number from the lowest byte, it becomes `mixed((hash + STEP) ^ number)`. O(bytes).
    """
    lengths = np.diff(starts)
    words = -(-lengths // 8)
    begins = np.cumsum(words) - words
    padded = np.zeros(8 * int(words.sum()), np.uint8)
    padded[np.arange(len(text)) + np.repeat(8 * begins - starts[:-1], lengths)] = text
    numbers = padded.view("<u8")
    found = lengths.astype(np.uint64)
    left = np.flatnonzero(words)
    turn = 0
    while len(left):
        found[left] = mixed((found[left] + STEP) ^ numbers[begins[left] + turn])
        turn += 1
        left = left[words[left] > turn]
    return mixed(found + STEP)
