"""The examples of all tools, each in the file with its tool's name; every drill iterates them."""

import pkgutil
from importlib import import_module

from tests.examples.example import Arguments, Example, Write

EXAMPLES: dict[str, Example] = {
    module.name: import_module(f"{__name__}.{module.name}").EXAMPLE
    for module in pkgutil.iter_modules(__path__)
    if module.name not in ("example", "staged_job")
}
WRITES: dict[str, Write] = {name: example.write for name, example in EXAMPLES.items() if example.write}
"""The writes that need no earlier change."""

__all__ = ["EXAMPLES", "WRITES", "Arguments", "Example", "Write"]
