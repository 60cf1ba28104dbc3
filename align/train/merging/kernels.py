"""Compiled loops that merge all parameters on a CPU in one or two passes, over blocks that stay in the cache.

Eager tensor operations each go through memory on their own, and hundreds of parameters make thousands of
calls. Here a block of gradient and moments is read once: the loops update the moments, compute Delta where it
survives, and change the weights there. So where few entries survive, a step reads and writes less than AdamW.
numba compiles the loops at first use (some seconds, then the result is kept on disk); threads share the
blocks.

    ondare        in one pass: mask by hash, moments, Delta where it survives, weights, pull
    onties_guess  guesses, from a sample, a magnitude that more than k entries exceed
    onties_note   updates the moments and lists the entries of Delta above that magnitude
    onties_cut    finds the k-th magnitude in the list; reports where the list is too short
    onties        merges the survivors of Delta and of tau: vote, weights, pull

The arithmetic is that of `rules`, operation by operation in float32 (no contraction, no reassociation), so
the results equal those of the general path bit by bit; tests/unit/train/test_online_merging.py compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from align.core.compiled import jit as _jit

BLOCK = 2**15
"""Entries of a block; its gradient and moments take 384 KB, which fits the second-level cache of a core."""
MANY = 2**27
"""Threshold (a 32nd of 2^32) from which OnDARE goes through all float32 weights in order.

At keep 0.05 that is faster than to pick the survivors.
"""
TINY = np.float32(2**-149)
"""The least positive number, and the least magnitude that is listed.

Where fewer than k entries of Delta are not zero (embeddings of tokens that do not occur), all of those
survive, and which zeros survive makes no difference.
"""
PLACES, TOGETHER = 1024, 8
"""Places of a tensor where OnTIES samples Delta, and entries that it reads at each.

The entries at one place are neighbours, because memory is read in lines of 64 bytes anyway.
"""
FIRST, SECOND = 0x7FEB352D, 0x846CA68B
"""Multipliers of lowbias32, a hash whose every output bit depends on every input bit (Wellons 2018,
"Prospecting for Hash Functions", bias 0.17)."""

_F32, _U32 = np.float32, np.uint32


def _inline(function: Callable[..., Any]) -> Any:
    """Mark a function that writes LLVM instructions where compiled code calls it."""
    return intrinsic(function)


def _bitcast(source: Any, target: Any) -> Any:
    @_inline
    def cast(typing: Any, x: Any) -> Any:
        return target(source), lambda context, builder, signature, args: builder.bitcast(
            args[0], context.get_value_type(target)
        )

    return cast


_bits, _number = _bitcast(types.float32, types.int32), _bitcast(types.int32, types.float32)


@_inline
def _pointer(typing: Any, address: Any) -> Any:
    return types.voidptr(types.int64), lambda context, builder, signature, args: builder.inttoptr(
        args[0], cgutils.voidptr_t
    )


@_jit
def _floats(address: int, at: int, count: int) -> Any:
    return numba.carray(_pointer(address + 4 * at), (count,), np.float32)


@_jit
def _shorts(address: int, at: int, count: int) -> Any:
    return numba.carray(_pointer(address + 2 * at), (count,), np.int16)


@_jit
def _ints(address: int, at: int, count: int) -> Any:
    return numba.carray(_pointer(address + 4 * at), (count,), np.int32)


@_inline
def _first_hit(typing: Any, word: Any) -> Any:
    """Return the index of the first of 8 flags, each a byte of 0 or 1, that is set."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.lshr(builder.cttz(args[0], context.get_constant(types.boolean, True)), args[0].type(3))

    return types.uint64(types.uint64), code


@_inline
def _fetch(typing: Any, address: Any) -> Any:
    """Prefetch an address for writing: surviving weights lie far apart."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        i32, pointer = ir.IntType(32), builder.inttoptr(args[0], cgutils.voidptr_t)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, i32, i32, i32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, i32(1), i32(2), i32(1)])  # to write, second-level cache, data
        return context.get_dummy_value()

    return types.void(types.int64), code


# -- the parts of a step -------------------------------------------------------------------------------------


@_jit
def _moments(g: Any, m: Any, v: Any, one_b1: Any, b2: Any, one_b2: Any) -> tuple[Any, Any]:
    return m + (g - m) * one_b1, v * b2 + g * g * one_b2


@_jit
def _delta(m: Any, v: Any, lr: Any, c2: Any, eps: Any) -> Any:
    return m * lr / (np.sqrt(v) * c2 + eps)


@_jit
def _due(weight: Any, tau: Any, before: Any, after: Any) -> Any:
    total = tau * after
    larger = max(abs(weight), abs(total))
    unit = max(_number(_bits(larger) & types.int32(0x7F800000)) * _F32(2.0**-23), _F32(2.0**-126))
    return (np.rint(total / unit) - np.rint(tau * before / unit)) * unit


@_jit
def _load(weights: Any, highs: Any, lows: Any, i: int) -> Any:
    if lows.size == 0:
        return weights[i]
    return _number((types.int32(highs[i]) << types.int32(16)) + types.int32(lows[i]))


@_jit
def _store(weights: Any, highs: Any, lows: Any, i: int, exact: Any) -> None:
    if lows.size == 0:
        weights[i] = exact
    else:
        bits = _bits(exact)
        high = (bits + types.int32(0x8000)) >> types.int32(16)
        highs[i] = types.int16(high)
        lows[i] = types.int16(bits - (high << types.int32(16)))


@_jit
def _fetch_weight(pointers: Any, at: int) -> None:
    if pointers[1] == 0:
        _fetch(pointers[0] + 4 * at)
    else:
        _fetch(pointers[0] + 2 * at)
        _fetch(pointers[1] + 2 * at)


@_jit
def _widened(address: int, at: int, count: int, room: Any) -> Any:
    short = _shorts(address, at, count)
    for i in range(count):
        room[i] = types.int32(short[i]) << types.int32(16)
    return room.view(np.float32)[:count]


@_jit
def _survives(position: Any, low: Any, high: Any, threshold: Any) -> bool:
    """Return whether a position survives, by a hash with a key of two words."""
    x = _U32(position ^ low)  # numba computes 32-bit sums and products in 64 bits: cut each
    x = _U32(_U32(x ^ _U32(x >> _U32(16))) * _U32(FIRST))
    x = _U32(x ^ high)
    x = _U32(_U32(x ^ _U32(x >> _U32(15))) * _U32(SECOND))
    return _U32(x ^ _U32(x >> _U32(16))) < threshold


@_jit
def _listed(flags: Any, count: int, positions: Any) -> int:
    """Write the indices of the set flags (bytes of 0 or 1) among the first `count`; return their number."""
    flags[count : (count + 7) // 8 * 8] = 0
    eights, found = flags.view(np.uint64), 0
    for j in range((count + 7) // 8):
        word = eights[j]
        while word:
            positions[found] = 8 * j + _first_hit(word)
            found += 1
            word &= word - np.uint64(1)
    return found


@_jit
def _kth_largest(x: Any, k: int) -> tuple[Any, int]:
    """Return the k-th largest of non-negative float32 numbers, and how many numbers equal to it survive.

    The bits of such numbers have the order of the numbers. So the first 12 bits of the result come from a
    histogram, then the next 12, then the rest. numpy's partition takes 2 to 4 times as long.
    """
    bits, counts = x.view(np.uint32), np.zeros(4096, np.int64)
    found, known = _U32(0), 32  # the bits from `known` up are known
    for below in (20, 8, 0):
        counts[:] = 0
        for i in range(bits.size):
            if known == 32 or bits[i] >> _U32(known) == found:
                counts[(bits[i] >> _U32(below)) & _U32((1 << (known - below)) - 1)] += 1
        digit = (1 << (known - below)) - 1
        while k > counts[digit]:
            k -= counts[digit]
            digit -= 1
        found, known = _U32((np.int64(found) << (known - below)) | digit), below
    return _number(types.int32(found)), k


# -- whole steps; `parts._tables` and `parts._blocks` describe the arguments ---------------------------------


@_jit
def ondare(
    blocks: Any, pointers: Any, numbers: Any, pulls: Any, lengths: Any, keys: Any, firsts: Any, threshold: Any
) -> None:
    """Take a step of OnDARE on some blocks."""
    flags, wide, kept = np.zeros(BLOCK, np.uint8), np.empty(BLOCK, np.int32), np.empty(BLOCK, np.int32)
    for b in range(blocks.shape[0]):
        t, at, count = blocks[b, 0], blocks[b, 1], blocks[b, 2]
        lr, c2, eps, grow = numbers[t, 3], numbers[t, 4], numbers[t, 5], numbers[t, 6]
        short = pointers[t, 1] != 0
        weights = _floats(pointers[t, 0], at, 0 if short else count)
        highs, lows = (
            _shorts(pointers[t, 0], at, count if short else 0),
            _shorts(pointers[t, 1], at, count if short else 0),
        )
        index, tau = _ints(pointers[t, 5], 0, lengths[t]), _floats(pointers[t, 6], 0, lengths[t])
        left = np.searchsorted(index, at)
        right = np.searchsorted(index, at + count) if pulls[t, 0] != pulls[t, 1] else left
        m, v = _floats(pointers[t, 3], at, count), _floats(pointers[t, 4], at, count)
        g = _widened(pointers[t, 2], at, count, wide) if short else _floats(pointers[t, 2], at, count)
        one_b1, b2, one_b2 = numbers[t, 0], numbers[t, 1], numbers[t, 2]
        first, low, high = _U32(firsts[t] + at), keys[t, 0], keys[t, 1]
        for i in range(count):  # this loop waits for memory, so the hash costs nothing
            m[i], v[i] = _moments(g[i], m[i], v[i], one_b1, b2, one_b2)
            flags[i] = _survives(_U32(first + _U32(i)), low, high, threshold)
        for j in range(left, right):
            _fetch_weight(pointers[t], index[j])
        if threshold >= MANY and not short:
            for i in range(count):
                moved = _delta(m[i], v[i], lr, c2, eps) * grow
                weights[i] = weights[i] + moved if flags[i] else weights[i]
        else:
            survive = kept[: _listed(flags, count, kept)]
            for i in survive:
                _fetch_weight(pointers[t], at + i)
            for i in survive:
                moved = _delta(m[i], v[i], lr, c2, eps) * grow
                _store(weights, highs, lows, i, _load(weights, highs, lows, i) + moved)
        for j in range(left, right):
            i = index[j] - at
            exact = _load(weights, highs, lows, i)
            _store(weights, highs, lows, i, exact + _due(exact, tau[j], pulls[t, 0], pulls[t, 1]))


@_jit
def onties_guess(lengths: Any, pointers: Any, numbers: Any, keep: float, least: Any) -> None:
    """Guess, for each tensor, a magnitude that slightly more than k entries of the coming Delta reach."""
    sample = np.empty(PLACES * TOGETHER, np.float32)
    for t in range(lengths.shape[0]):
        if lengths[t] <= BLOCK:
            least[t] = 0
            continue
        apart = (lengths[t] - TOGETHER) // (PLACES - 1)
        apart -= 1 - apart % 2  # odd, so that the sample does not stay in a few columns
        one_b1, b2, one_b2 = numbers[t, 0], numbers[t, 1], numbers[t, 2]
        lr, c2, eps = numbers[t, 3], numbers[t, 4], numbers[t, 5]
        for place in range(PLACES):
            at = place * apart
            m, v = _floats(pointers[t, 3], at, TOGETHER), _floats(pointers[t, 4], at, TOGETHER)
            for i in range(TOGETHER):
                if pointers[t, 1] == 0:
                    g = _floats(pointers[t, 2], at, TOGETHER)[i]
                else:
                    g = _number(types.int32(_shorts(pointers[t, 2], at, TOGETHER)[i]) << types.int32(16))
                sample[TOGETHER * place + i] = abs(
                    _delta(*_moments(g, m[i], v[i], one_b1, b2, one_b2), lr, c2, eps)
                )
        expected = keep * sample.size
        rank = min(sample.size, int(expected + 6 * np.sqrt(expected) + 1))
        least[t] = max(_kth_largest(sample, rank)[0], TINY)


@_jit
def onties_note(
    blocks: Any, pointers: Any, numbers: Any, least: Any, begins: Any, noted: Any, values: Any, positions: Any
) -> None:
    """Update the moments, and list by block the entries of Delta that reach a magnitude.

    `noted` gets the number of entries of each block, or -1 where they do not fit.
    """
    wide, flags, kept = np.empty(BLOCK, np.int32), np.zeros(BLOCK, np.uint8), np.empty(BLOCK, np.int32)
    deltas = np.empty(BLOCK, np.float32)
    room, until = blocks[0, 3], blocks[-1, 4]  # the blocks of a call share their places
    for b in range(blocks.shape[0]):
        t, at, count = blocks[b, 0], blocks[b, 1], blocks[b, 2]
        lr, c2, eps, line = numbers[t, 3], numbers[t, 4], numbers[t, 5], least[t]
        m, v = _floats(pointers[t, 3], at, count), _floats(pointers[t, 4], at, count)
        g = (
            _widened(pointers[t, 2], at, count, wide)
            if pointers[t, 1]
            else _floats(pointers[t, 2], at, count)
        )
        one_b1, b2, one_b2 = numbers[t, 0], numbers[t, 1], numbers[t, 2]
        for i in range(count):
            m[i], v[i] = _moments(g[i], m[i], v[i], one_b1, b2, one_b2)
            deltas[i] = _delta(m[i], v[i], lr, c2, eps)
            flags[i] = abs(deltas[i]) >= line
        found = _listed(flags, count, kept)
        begins[b], noted[b] = room, found if found <= until - room else -1
        for j in range(max(noted[b], 0)):
            values[room + j], positions[room + j] = deltas[kept[j]], at + kept[j]
        room += max(noted[b], 0)


@_jit
def onties_cut(
    tensors: Any, ks: Any, least: Any, begins: Any, noted: Any, values: Any, positions: Any, cuts: Any
) -> None:
    """Find each tensor's k-th magnitude, and the last position where an equal magnitude survives.

    Both are -1 where the list holds too few entries.
    """
    for t in range(tensors.shape[0]):
        held, need, at = 0, ks[t], 0
        for b in range(tensors[t, 0], tensors[t, 1]):
            held += noted[b] if noted[b] >= 0 else -(2**40)
        cuts[t, 0], cuts[t, 1] = -1.0, -1.0
        if held < need:
            if held >= 0 and least[t] == TINY:
                cuts[t, 0] = TINY
            continue
        magnitudes, where = np.empty(held, np.float32), np.empty(held, np.int32)
        for b in range(tensors[t, 0], tensors[t, 1]):
            for i in range(begins[b], begins[b] + noted[b]):
                magnitudes[at], where[at] = abs(values[i]), positions[i]
                at += 1
        kth, need = _kth_largest(magnitudes, need)
        for i in range(held):  # `where` is in the order of positions
            if magnitudes[i] == kth and need > 0:
                need -= 1
                cuts[t, 1] = where[i]
        cuts[t, 0] = kth


@_jit
def onties(
    blocks: Any, pointers: Any, numbers: Any, pulls: Any, lengths: Any, cuts: Any, begins: Any, noted: Any,
    values: Any, positions: Any, alpha: Any, weighted: bool, pulled: Any,
) -> None:  # fmt: skip
    """Merge the survivors of Delta and of tau; sum, by block, the squares of tau where it was added."""
    deltas = np.zeros(BLOCK, np.float32)
    for b in range(blocks.shape[0]):
        t, at, count, here, end = blocks[b, 0], blocks[b, 1], blocks[b, 2], begins[b], begins[b] + noted[b]
        grow, least, last, short = numbers[t, 6], _F32(cuts[t, 0]), cuts[t, 1], pointers[t, 1] != 0
        if least < 0:
            continue
        weights = _floats(pointers[t, 0], at, 0 if short else count)
        highs, lows = (
            _shorts(pointers[t, 0], at, count if short else 0),
            _shorts(pointers[t, 1], at, count if short else 0),
        )
        index, taus = _ints(pointers[t, 5], 0, lengths[t]), _floats(pointers[t, 6], 0, lengths[t])
        left, right = np.searchsorted(index, at), np.searchsorted(index, at + count)
        for line in range(at, at + count, 16):
            _fetch_weight(pointers[t], line)
        for j in range(here, end):
            where = positions[j] - at
            alive = (abs(values[j]) > least) | ((abs(values[j]) == least) & (positions[j] <= last))
            deltas[where] = values[j] if alive else _F32(0)
        total = 0.0
        for j in range(left, right):
            i, tau = index[j] - at, taus[j]
            ours, theirs = deltas[i] * grow, tau * alpha
            elected = np.sign(ours + theirs if weighted else deltas[i] + tau)
            deltas[i] = 0
            exact = _load(weights, highs, lows, i)
            moved = ours if np.sign(ours) == elected else _F32(0)
            if np.sign(theirs) == elected:
                moved += _due(exact, tau, pulls[t, 0], pulls[t, 1])
                total += np.float64(tau) * np.float64(tau)
            _store(weights, highs, lows, i, exact + moved)
        for j in range(here, end):
            i = positions[j] - at
            if deltas[i] != 0:
                _store(weights, highs, lows, i, _load(weights, highs, lows, i) + deltas[i] * grow)
                deltas[i] = 0
        pulled[b] = total


# -- single tensors, for the general path --------------------------------------------------------------------


@_jit
def delta(out: Any, g: Any, m: Any, v: Any, numbers: Any) -> None:
    """Update the moments of a block and write Delta; all Float[Array, "n"]."""
    one_b1, b2, one_b2, lr, c2, eps = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]
    for i in range(g.size):
        m[i], v[i] = _moments(g[i], m[i], v[i], one_b1, b2, one_b2)
        out[i] = _delta(m[i], v[i], lr, c2, eps)


@_jit
def random_positions(first: int, count: int, low: Any, high: Any, threshold: Any, out: Any) -> int:
    """Write the positions that survive, counted from `first`; return their number, -1 if `out` is short."""
    flags, kept = np.zeros(BLOCK, np.uint8), np.empty(BLOCK, np.int32)
    found = 0
    for at in range(0, count, BLOCK):
        here = min(BLOCK, count - at)
        start = _U32(first + at)
        for i in range(here):
            flags[i] = _survives(_U32(start + _U32(i)), low, high, threshold)
        more = _listed(flags, here, kept)
        if found + more > out.size:
            return -1
        for j in range(more):
            out[found + j] = at + kept[j]
        found += more
    return found
