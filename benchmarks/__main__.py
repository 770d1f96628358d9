"""Prints figures: `python -m benchmarks` (about a minute; starts the try-out, on loopback only).

Sizes are counted; times are medians of a few rounds on this machine and only show the order.
"""

import ast
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import app
from benchmarks import pacing
from demo.driver import Driver, buttons_of, text_of
from demo.house import Sandbox, running
from handlers.process import serving

ROOT = Path(__file__).parent.parent
LONG = 40
ROUNDS = 7
CLERK, CHANNEL = "U0CLERK01", "C0FINANCE"


def main() -> None:
    """Print every figure."""
    sizes()
    imports()
    for name, counted in pacing.figures():
        _say(name, counted)
    began = time.monotonic()
    with house() as (sandbox, driver):
        driver.wait_for(CHANNEL, CLERK, lambda one: "need you" in text_of(one), "the digest")
        _say("start of the try-out to the digest in the channel", time.monotonic() - began)
        commands(driver)
        presses(driver, sandbox)


def sizes() -> None:
    """Count lines of code and of tests, and functions that are too long."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.xml", "*.js"],  # noqa: S607 - the developer's own git
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    lines = {name: len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in listed}
    tests = sum(count for name, count in lines.items() if name.startswith("tests/"))
    lengths = sorted(_lengths(name for name in listed if name.endswith(".py")))
    _say("lines of code", sum(lines.values()) - tests)
    _say("lines of tests", tests)
    _say("functions", len(lengths))
    _say("median length of a function, in lines", int(statistics.median(lengths)))
    _say(f"functions of more than {LONG} lines", sum(length > LONG for length in lengths))
    _say("longest module, in lines", max(lines.values()))


def _lengths(names: Iterator[str]) -> Iterator[int]:
    for name in names:
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (node.end_lineno or node.lineno) - node.lineno + 1


def imports() -> None:
    """Time the import of everything, in fresh interpreters."""
    spent = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        subprocess.run([sys.executable, "-c", "import app"], cwd=ROOT, check=True)
        spent.append(time.monotonic() - began)
    _say("import of the app", statistics.median(spent))


@contextmanager
def house() -> Iterator[tuple[Sandbox, Driver]]:
    """Run the try-out on free ports."""
    with running(0) as sandbox:
        settings = sandbox.settings("http://127.0.0.1:8000")
        with app.opened(settings) as engine:
            sandbox.fill(engine)
            with serving(settings, engine, http=False):
                driver = Driver(sandbox.workspace)
                yield sandbox, driver
                driver.close()


def commands(driver: Driver) -> None:
    """Time the acknowledgement of commands, which carries their answer."""
    for text in ("/invsync", "/invsync log", "/invsync failed", "/invsync help"):
        acks = [driver.command(CLERK, CHANNEL, text)["ack_ms"] for _ in range(ROUNDS)]
        _say(f"{text}: typed to acknowledged with the answer", statistics.median(acks) / 1000)


def presses(driver: Driver, sandbox: Sandbox) -> None:
    """Time Retry: pressed to acknowledged, and pressed to the outcome that the person reads."""
    acks, outcomes = [], []
    for _ in range(3):
        number = str(sandbox.names["honey"])
        before = len(_outcomes(driver))
        began = time.monotonic()
        driver.command(CLERK, CHANNEL, f"/invsync retry {number}")
        while len(_outcomes(driver)) == before:
            time.sleep(0.02)
        outcomes.append(time.monotonic() - began)
        acks.append(_view(driver))
    _say("View: pressed to acknowledged, the modal is open", statistics.median(acks) / 1000)
    _say("Retry: pressed to the outcome in the channel", statistics.median(outcomes))


def _view(driver: Driver) -> float:
    message = driver.wait_for(
        CHANNEL, CLERK, lambda one: bool(_views(one)) and not one["ephemeral"], "the digest"
    )
    button = _views(message)[0]
    where = {"channel": CHANNEL, "ts": message["ts"], "action_id": button["action_id"]}
    ack: float = driver.click(CLERK, **where, value=button["value"])["ack_ms"]
    for view in driver.views(CLERK):
        driver.close_view(CLERK, view["id"])
    return ack


def _views(message: dict[str, object]) -> list[dict[str, str]]:
    return [one for one in buttons_of(message) if one["text"]["text"].startswith("View INV")]


def _outcomes(driver: Driver) -> list[object]:
    return [one for one in driver.messages(CHANNEL, CLERK) if "Failed to sync" in text_of(one)]


def _say(what: str, figure: float | str) -> None:
    match figure:
        case str():
            shown = figure
        case int():
            shown = f"{figure:,}"
        case _:
            shown = f"{figure:.3f} s"
    sys.stdout.write(f"{what:<56} {shown:>12}\n")


if __name__ == "__main__":
    main()
