"""Slack's limits in one table: how many of a thing, and how long each text may be.

Lengths are UTF-16 code units, the strictest way Slack may count. Sources: Slack's reference pages
"Blocks", "Block elements", "Views" and "chat.postMessage"; where two sources differ, the smaller.
"""

from typing import Final

# What one message, modal or Home may hold.
MESSAGE_BLOCKS: Final = 50
VIEW_BLOCKS: Final = 100
MESSAGE_CHARACTERS: Final = 11_000
"""All texts of one post; somewhat above it Slack answers msg_blocks_too_long."""

DIGEST_BLOCKS: Final = 25
"""Our own ceiling (product, section 4); like its 10,000 characters, kept by `bot.show`."""

FALLBACK: Final = 4_000

# Blocks.
HEADER: Final = 150
SECTION: Final = 3_000
FIELDS: Final = 10
FIELD: Final = 2_000
CONTEXT: Final = 2_000
ACTIONS: Final = 25
ALERT: Final = 200
IMAGE_WORDS: Final = 2_000
TABLE_ROWS: Final = 100
TABLE_COLUMNS: Final = 20
TABLE_CHARACTERS: Final = 10_000

# Elements.
BUTTON: Final = 75
LABEL: Final = 75
VALUE: Final = 2_000
URL: Final = 3_000
ID: Final = 255
PLACEHOLDER: Final = 150
OPTIONS: Final = 100
OVERFLOW_OPTIONS: Final = 5
FEW_OPTIONS: Final = 10
"""Checkboxes and radio buttons."""

OPTION: Final = 75
OPTION_VALUE: Final = 75
CONFIRM_TITLE: Final = 100
CONFIRM_TEXT: Final = 300
CONFIRM_BUTTON: Final = 30
INPUT_WORDS: Final = 2_000
TYPED: Final = 3_000

# Views.
TITLE: Final = 24
PRIVATE: Final = 3_000
