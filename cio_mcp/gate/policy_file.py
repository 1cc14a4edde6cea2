"""Reading the policy file: TOML to `Policy`; what is wrong in it is told with its line."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cio_mcp.errors import SettingError
from cio_mcp.gate.plan import Risk
from cio_mcp.gate.policy import LARGE_AUDIENCE, RULES, WHERES, Policy, Recipients, Rule, Said, Where
from cio_mcp.settings import Settings

SETTING = "CIO_POLICY_FILE"
Path_ = tuple[str, ...]

_ADDRESS = re.compile(r"[a-z0-9.!#$&'*+/=?^_{|}~-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)*")
_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
