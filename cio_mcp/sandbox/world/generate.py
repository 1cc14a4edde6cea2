"""Generated people, the same for the same seed."""

import random
from typing import Any

from cio_mcp.sandbox.world.clock import DAY_SECONDS
from cio_mcp.sandbox.world.fixtures import BETA_TESTERS, add_person
from cio_mcp.sandbox.world.people import Directory

FIRST_NAMES = (
    "Aiko", "Anya", "Chloe", "Diego", "Emma", "Hugo", "Ines", "Ivan", "Kofi", "Lena", "Liam", "Mateo", "Mia", "Noah",
    "Nora", "Omar", "Ravi", "Sara", "Yusuf", "Zoe",
)  # fmt: skip
LAST_NAMES = (
    "Berg", "Costa", "Diaz", "Evans", "Fischer", "Garcia", "Haas", "Ito", "Jansen", "Khan", "Lopez", "Meyer", "Novak",
    "Okafor", "Park", "Rossi", "Silva",
)  # fmt: skip
PLANS = ("free", "free", "free", "free", "free", "pro", "pro", "pro", "team", "vip")
PLACES = (
    ("US", "America/New_York", "en"), ("US", "America/Denver", "en"), ("GB", "Europe/London", "en"),
    ("DE", "Europe/Berlin", "de"), ("FR", "Europe/Paris", "fr"), ("BR", "America/Sao_Paulo", "pt"),
    ("JP", "Asia/Tokyo", "ja"),
)  # fmt: skip
EIGHTEEN_MONTHS_SECONDS = 548 * DAY_SECONDS


def add_generated(directory: Directory, count: int, now: int, seed: int) -> None:
    """Add `count` people created over 18 months; about one in eight is unsubscribed, one in ten a beta tester."""
    rng = random.Random(f"{seed}:people")
    for number in range(1, count + 1):
        first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
        country, timezone, language = rng.choice(PLACES)
        orders = min(int(rng.expovariate(0.5)), 12)
        created = now - int(rng.random() * EIGHTEEN_MONTHS_SECONDS) - 60
        attributes: dict[str, Any] = {
            "first_name": first, "last_name": last, "plan": rng.choice(PLANS), "country": country,
            "timezone": timezone, "language": language, "orders": orders,
            "total_spent": round(orders * rng.uniform(12, 90), 2),
        }  # fmt: skip
        if rng.random() < 0.12:  # noqa: PLR2004 - the share of people who have unsubscribed
            attributes["unsubscribed"] = True
        email = f"{first}.{last}.{number}@example.net".lower()
        person = add_person(directory, f"p-{number:05d}", email, created, attributes)
        if attributes.get("unsubscribed"):
            person.timestamps["unsubscribed"] = created + int((now - created) * rng.random())
        if rng.random() < 0.2:  # noqa: PLR2004 - the share of people with the app
            person.devices.append({"id": f"device-{number}", "platform": "android", "last_used": now, "attributes": {}})
        if rng.random() < 0.1:  # noqa: PLR2004 - the share of beta testers
            person.manual_segments.add(BETA_TESTERS)
