"""The two eras of the protocol, as the SDK's client names them: since 2026-07-28, and before."""

from typing import Literal

Era = Literal["auto", "legacy"]
ERAS: tuple[Era, ...] = ("auto", "legacy")
