"""What the account answers: status, headers, JSON; errors as JSON:API has them."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

JSON_API_TYPE = "application/vnd.api+json"


@dataclass
class Answer:
    """A JSON answer before it is spelled out. `headers` come without Content-Type."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """The body as it is sent."""
        return json.dumps(self.body, separators=(",", ":")).encode()


class ApiError(Exception):
    """An answer that is not 2xx, raised from wherever it is noticed."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        *,
        parameter: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        source = {"parameter": parameter} if parameter else {"pointer": "/data/"}
        error = {
            "id": str(uuid.uuid4()),
            "status": status,
            "code": code,
            "title": title,
            "detail": detail,
            "source": source,
        }
        self.answer = Answer(status, {"errors": [error]}, headers or {})
        super().__init__(title)


def invalid(parameter: str, detail: str) -> ApiError:
    """The 400 to a parameter that cannot be read or is not allowed."""
    return ApiError(400, "invalid", "Invalid input.", detail, parameter=parameter)


def not_found(what: str) -> ApiError:
    """The 404 to an address where nothing is."""
    return ApiError(404, "not_found", "Not found.", f"{what} does not exist.")


def throttled(retry_after: int) -> ApiError:
    """The 429, which says when to come back (seconds)."""
    detail = f"Request was throttled. Expected available in {retry_after} second{'s' * (retry_after != 1)}."
    headers = {"Retry-After": str(retry_after)}
    return ApiError(429, "throttled", "Request was throttled.", detail, headers=headers)
