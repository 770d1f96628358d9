"""The simulator on all cores: processes that take chunks of seeds, and mutants."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults.arena import Arena
from tests.faults.books import Class
from tests.faults.mutants import MUTANTS
from tests.faults.runs import Figures, run_many

CHUNK = 50


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some seeds of one class, run by one process."""

    what: Class
    first: int
    count: int


_arena: Arena | None = None
_url: str | None = None


def _begin(url: str | None) -> None:
    """Make ready what a process of the pool keeps: it opens its database with its first chunk."""
    global _url  # noqa: PLW0603 - because a pool hands its processes nothing else
    _url = url
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run(chunk: Chunk) -> tuple[Chunk, Figures]:
    global _arena  # noqa: PLW0603 - because one arena serves all chunks of a process
    if _arena is None:
        _arena = Arena(_url)
    return chunk, run_many(_arena, chunk.what, range(chunk.first, chunk.first + chunk.count))


def _catch(number: int) -> tuple[str, int]:
    """Let one mutant run; returns its name and after how many runs it was caught, 0 for never."""
    mutant = MUTANTS[number]
    found, runs = mutant.catch()
    return mutant.name, runs if found else 0


def _chunks(first: int, seeds: int) -> Iterator[Chunk]:
    for start in range(first, first + seeds, CHUNK):
        for what in Class:
            yield Chunk(what, start, min(CHUNK, first + seeds - start))


def storm(url: str | None, first: int, seeds: int, cores: int) -> tuple[dict[Class, Figures], bool]:
    """Run all chunks; returns the figures by class and whether all of them ran."""
    figures = {what: Figures() for what in Class}
    chunks = list(_chunks(first, seeds))
    began = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(cores, _begin, [url]) as pool:
        try:
            for done, (chunk, found) in enumerate(pool.imap_unordered(_run, chunks), 1):
                figures[chunk.what].add(found)
                _progress(done, len(chunks), figures, time.monotonic() - began)
        except KeyboardInterrupt:
            pool.terminate()
            return figures, False
    return figures, True


def caught() -> dict[str, int]:
    """Let every mutant run; returns after how many runs each was caught, 0 for never."""
    cores = os.cpu_count() or 1
    with multiprocessing.get_context("spawn").Pool(cores, _begin, [None]) as pool:
        try:
            return dict(pool.imap_unordered(_catch, range(len(MUTANTS))))
        except KeyboardInterrupt:
            pool.terminate()
            return {}


def _progress(done: int, of: int, figures: dict[Class, Figures], seconds: float) -> None:
    runs = sum(one.runs for one in figures.values())
    broken = sum(sum(one.broken.values()) for one in figures.values())
    line = f"\r{done}/{of} chunks, {runs:,} runs, {runs / seconds:.0f} a second, {broken} broken "
    sys.stderr.write(line)
    sys.stderr.flush()
