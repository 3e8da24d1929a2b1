"""How every configuration class validates: unknown fields are refused, and "1", 1 and True stay different."""

from pydantic import ConfigDict

STRICT = ConfigDict(extra="forbid", strict=True)
