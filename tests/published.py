"""Customer.io's published OpenAPI files, in the folder that `SPECS_DIR` names; they are no part of this project."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("SPECS_DIR", "/nowhere"))
ENDPOINTS = FOLDER.parent / "endpoints.json"
"""The list of all published operations."""
FILES = {
    "app": "app-arcade-0.2.1-openapi.json",
    "track": "customer-io-track-api-openapi.json",
    "pipelines": "customer-io-pipelines-api-openapi.json",
    "webhooks": "customer-io-reporting-webhooks-openapi.json",
}
MISSING = "the published OpenAPI files are not here: name their folder with SPECS_DIR"
"""Why a test is skipped."""


def is_here(name: str) -> bool:
    """Whether one of the files is there to compare with."""
    return (FOLDER / FILES[name]).exists()


@cache
def document(name: str) -> dict[str, Any]:
    """One of the files."""
    found: dict[str, Any] = json.loads((FOLDER / FILES[name]).read_text())
    return found


def resolve(name: str, node: Any) -> Any:
    """A part of a file, with references followed until there is none."""
    while isinstance(node, dict) and "$ref" in node:
        found: Any = document(name)
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node
