"""Rights: one function, deny by default, the whole matrix of who and what."""

import pytest

from bot.permissions import NEEDED, Action, Allowed, Person, Refused, Role, Standing, Why, may

MATRIX = {
    Role.NOBODY: set(),
    Role.VIEWER: {Action.LOOK},
    Role.OPERATOR: {
        *(Action.LOOK, Action.RETRY, Action.SYNC, Action.DIGEST, Action.STOP),
        *(Action.FIX, Action.ASSIGN, Action.BULK),
    },
    Role.APPROVER: set(Action) - {Action.CONNECT, Action.PAUSE},
    Role.ADMIN: set(Action),
}


def _who(role: Role, standing: Standing = Standing.MEMBER) -> Person:
    return Person("U0SOMEBODY", "Somebody", standing, role)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_members_by_role(role: Role, action: Action) -> None:
    """A member may do exactly what the role's row of the matrix says."""
    assert isinstance(may(_who(role), action), Allowed) is (action in MATRIX[role])


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("standing", [one for one in Standing if one is not Standing.MEMBER])
def test_everybody_else(standing: Standing, action: Action) -> None:
    """Guests, bots, deactivated, foreign and unknown people may do nothing, whatever their role."""
    assert isinstance(may(_who(Role.ADMIN, standing), action), Refused)


def test_every_action_has_a_role() -> None:
    """No action is left without the role that it needs."""
    assert set(NEEDED) == set(Action)


def test_why() -> None:
    """A refusal says whether a role, a standing or Slack's silence is the reason."""
    assert may(_who(Role.VIEWER), Action.RETRY) == Refused(Action.RETRY, Why.ROLE, Role.OPERATOR)
    assert may(_who(Role.NOBODY), Action.LOOK) == Refused(Action.LOOK, Why.STRANGER, Role.VIEWER)
    guest = may(_who(Role.ADMIN, Standing.GUEST), Action.LOOK)
    assert guest == Refused(Action.LOOK, Why.OUTSIDER, Role.VIEWER)
    silent = may(_who(Role.ADMIN, Standing.UNKNOWN), Action.LOOK)
    assert silent == Refused(Action.LOOK, Why.UNKNOWN, Role.VIEWER)
