"""How bodies of requests are encoded."""

import json

encode = json.JSONEncoder(separators=(",", ":")).encode
"""JSON without spaces and in ASCII, so that its characters are its bytes. Made once, since batches have many parts."""
