# SPDX-License-Identifier: Apache-2.0
"""Words of others, as they may stand in a message."""

from __future__ import annotations

_MAX_CHARACTERS = 1000


def printable(text: str) -> str:
    """One line of characters that show, and no more of them than a person reads."""
    shown = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text[:_MAX_CHARACTERS])
    return shown + ("..." if len(text) > _MAX_CHARACTERS else "")
