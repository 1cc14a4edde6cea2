"""Every operation of Customer.io's published APIs as a row of data, so that nothing is guessed from a URL or body.

The rows state facts: names, methods, routes, types, and what is required. What they say about risk, evidence, and
undo is this server's judgment. Sources: https://docs.customer.io/integrations/api/app/, /track/, and /cdp/.
"""

from cio_mcp.customerio.operations.row import (
    EVERYTHING,
    Api,
    Evidence,
    Field,
    Guardrail,
    Lane,
    Method,
    Operation,
    Permanence,
    Retry,
    Risk,
    value_at,
)
from cio_mcp.customerio.operations.table import (
    OPERATIONS,
    Effect,
    action_fields,
    by_route,
    cache_families,
    classify_retry,
    effects,
    operation,
)

__all__ = [
    "EVERYTHING",
    "OPERATIONS",
    "Api",
    "Effect",
    "Evidence",
    "Field",
    "Guardrail",
    "Lane",
    "Method",
    "Operation",
    "Permanence",
    "Retry",
    "Risk",
    "action_fields",
    "by_route",
    "cache_families",
    "classify_retry",
    "effects",
    "operation",
    "value_at",
]
