"""Run the simulator: `python -m tests.faults --seeds 2000 [--database URL] [--json FILE]`.

Every class of destinations gets that many seeds, spread over the machine's cores; then each known
mistake must be caught. One line says what came of it, the file says all of it. Ctrl-C ends early
and prints what there is. The exit code is 1 where a promise was broken, a mutant was missed, or a
fault was hardly met.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults.books import Class
from tests.faults.mutants import MUTANTS
from tests.faults.pool import caught, storm
from tests.faults.runs import Figures, as_json


def _report(
    figures: dict[Class, Figures], caught: dict[str, int], seeds: int, seconds: float
) -> dict[str, Any]:
    whole = Figures()
    for one in figures.values():
        whole.add(one)
    return {
        "seeds_a_class": seeds,
        **as_json(whole),
        "mutants_caught": f"{sum(runs > 0 for runs in caught.values())}/{len(MUTANTS)}",
        "mutants": caught,
        "classes": {what.value: as_json(one) for what, one in figures.items()},
        "wall_seconds": round(seconds, 1),
        "runs_a_second": round(whole.runs / max(seconds, 0.001), 1),
    }


def _line(report: dict[str, Any]) -> str:
    shown = (
        ("runs", "runs"),
        ("events", "events"),
        ("documents", "documents"),
        ("creates", "creates"),
        ("replays", "replays"),
        ("found_by_look_up", "found by look-up"),
        ("duplicates", "duplicates"),
        ("lost", "lost"),
        ("amount_mismatches", "amount mismatches"),
        ("illegal_moves", "illegal moves"),
    )
    parts = [f"{report[name]:,} {words}" for name, words in shown]
    faults, kills = sum(report["faults"].values()), sum(report["kills"].values())
    parts += [f"{faults:,} faults", f"{kills:,} kills"]
    parts += [f"{report['clicks']:,} clicks with {report['outcomes']:,} outcomes"]
    parts += [f"longest processing {report['longest_processing_seconds']:.0f} s"]
    parts += [f"mutants caught {report['mutants_caught']}", f"{report['wall_seconds']} s"]
    return ", ".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything; returns the exit code."""
    asked = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    asked.add_argument("--seeds", type=int, default=2000, help="runs of each class")
    asked.add_argument("--first", type=int, default=0, help="the first seed")
    asked.add_argument("--database", help="an empty PostgreSQL database; without it SQLite")
    asked.add_argument("--json", type=Path, help="where the figures go")
    asked.add_argument("--no-mutants", action="store_true", help="leave the known mistakes out")
    given = asked.parse_args(arguments)
    began = time.monotonic()
    cores = 1 if given.database else os.cpu_count() or 1
    figures, whole = storm(given.database, given.first, given.seeds, cores)
    seconds = time.monotonic() - began
    sys.stderr.write("\n")
    wanted = whole and not given.no_mutants
    found = caught() if wanted else {}
    report = _report(figures, found, given.seeds, seconds)
    if given.json:
        given.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(_line(report))  # noqa: T201 - because this line is what the command is for
    for example in report["examples"]:
        print(f"  {example}")  # noqa: T201 - because so is what was broken
    missed = wanted and not all(found.get(one.name) for one in MUTANTS)
    thin = whole and bool(report["not_exercised"])
    for name in report["not_exercised"] if thin else ():
        print(f"  not exercised: {name}")  # noqa: T201 - because a run that met little proves little
    return int(bool(report["broken"]) or missed or thin or not whole)


if __name__ == "__main__":
    sys.exit(main())
