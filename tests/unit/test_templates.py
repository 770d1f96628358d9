import re
from functools import cache
from typing import Any

import pytest

from bot.actions import action_of
from bot.check import HOSTILE, hostile
from bot.render import Renderer
from bot.samples import samples
from sandbox.workspace.blockkit import problems
from tests.unit.bot.drawn import TEMPLATES, buttons, texts

RENDERER = Renderer(TEMPLATES)
SAMPLES = samples()
NAMES = sorted(SAMPLES)


@cache
def drawn_samples(name: str) -> list[dict[str, Any]]:
    """Return what a template makes of each of its samples."""
    return [RENDERER.show(name, **model) for model in SAMPLES[name]]


def test_every_template_has_samples() -> None:
    """No template can be forgotten, and no sample is for nothing."""
    assert sorted(RENDERER.names) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_accepted_by_slack(name: str) -> None:
    """Each template, with each of its samples, gives what Slack takes."""
    for drawn in drawn_samples(name):
        assert wrong(drawn) == []


@pytest.mark.parametrize("name", NAMES)
def test_hostile_data_is_accepted_by_slack(name: str) -> None:
    """Whatever data holds, no template breaks a limit or a rule of Block Kit."""
    models = SAMPLES[name]
    for place in range(0, len(HOSTILE), 3):
        model = hostile(models[place % len(models)], place)
        assert wrong(RENDERER.show(name, **model)) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_button_has_a_meaning(name: str) -> None:
    """Each button's action is one that the app knows, and a label names what it is about."""
    for drawn in drawn_samples(name):
        for button in buttons(drawn):
            assert action_of(button["action_id"]), button
            assert button["accessibility_label"]
            assert "url" in button or button["value"]


@pytest.mark.parametrize("name", NAMES)
def test_every_message_makes_sense_alone(name: str) -> None:
    """Each message has a plain text, and it holds no tags or tokens."""
    for drawn in drawn_samples(name):
        if "type" not in drawn:
            assert len(drawn["text"]) > len("4043: ...")
            assert not re.search(r"&lt;|<|\^", drawn["text"])


@pytest.mark.parametrize("name", NAMES)
def test_no_words_run_together(name: str) -> None:
    """Sentences are parted by one blank wherever templates join them."""
    for drawn in drawn_samples(name):
        for text in [*texts(drawn["blocks"]), drawn.get("text", "")]:
            assert not re.search(r"[a-z0-9][.:!?][A-Z]| [ .,:]|\( ", text or ""), text


def wrong(drawn: dict[str, Any]) -> list[str]:
    """Return what Slack would refuse about a message or a view."""
    if drawn.get("type") == "modal":
        return problems(drawn, "modal")
    return problems(drawn["blocks"], "message")
