"""From the answer to a `tools/call` to what the caller gets."""

import re
from typing import Any

from .errors import ServerError, ToolError, ValidationError

INVALID_PARAMS = -32602

_NAME = r"[\"'`]?([A-Za-z_][\w.-]*)[\"'`]?"
# How servers name an argument that is missing: their own words, JSON Schema validators, serde, zod and pydantic.
_MISSING = (
    re.compile(rf"{_NAME}:? is (?:a )?required\b", re.IGNORECASE),
    re.compile(rf"\bmissing (?:required )?(?:field|argument|parameter|property):? {_NAME}", re.IGNORECASE),
    re.compile(rf"{_NAME}:?\s+field required\b", re.IGNORECASE),
)
# How they begin when other arguments are wrong.
_INVALID = re.compile(
    r"\b(?:the arguments do not hold|takes no argument|argument `\w+` was given twice"
    r"|(?:input|argument|schema) validation (?:error|failed)|invalid (?:arguments?|params?|parameters?|input)\b)",
    re.IGNORECASE,
)


def value_of(result: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the structured content of a result, or its text where there is none.

    Raises:
        ToolError: the result says that the tool failed.
    """
    content = result.get("content")
    parts = content if isinstance(content, list) else []
    text = "\n".join(_texts(parts))
    if result.get("isError"):
        raise _failure(text or "the tool failed without saying why", arguments, result)
    structured = result.get("structuredContent")
    if isinstance(structured, dict):
        return structured
    return {"text": text, "content": parts}


def error_of(error: Any, arguments: dict[str, Any]) -> ServerError | ToolError:
    """Return the exception for an error of JSON-RPC."""
    fields = error if isinstance(error, dict) else {}
    message = str(fields.get("message") or "the server refused the request without saying why")
    code = fields.get("code")
    if code == INVALID_PARAMS:
        field = _missing(message, arguments)
        return ValidationError(_required(field, message), field)
    return ServerError(message, code if isinstance(code, int) else 0, fields.get("data"))


def _texts(parts: list[Any]) -> list[str]:
    of_text = (part for part in parts if isinstance(part, dict) and part.get("type") == "text")
    return [text for part in of_text if isinstance(text := part.get("text"), str)]


def _failure(text: str, arguments: dict[str, Any], result: dict[str, Any]) -> ToolError:
    field = _missing(text, arguments)
    if field is not None or _INVALID.search(text):
        return ValidationError(_required(field, text), field, result)
    return ToolError(text, result)


def _missing(text: str, arguments: dict[str, Any]) -> str | None:
    """Return the argument that the text says is missing; one that was given, and is not empty, is not."""
    given = {_folded(name) for name, value in arguments.items() if value is not None and value != ""}
    for pattern in _MISSING:
        found = pattern.search(text)
        if found and _folded(found[1]) not in given:
            return found[1]
    return None


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _required(field: str | None, text: str) -> str:
    """Return the text with the missing argument named in the same words by every server."""
    if field is None or f"{field} is required" in text:
        return text
    return f"{field} is required ({text})"
