"""How the workspace refuses a call."""

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError


def refused(call: Any, **given: Any) -> str:
    """Return the error code that a call is answered with."""
    with pytest.raises(SlackApiError) as error:
        call(**given)
    return str(error.value.response["error"])
