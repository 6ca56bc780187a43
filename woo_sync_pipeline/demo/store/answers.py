"""What a store answers: status, headers, JSON; errors in WordPress's shape."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from woo_sync_pipeline.demo.store.params import InvalidParamsError

JSON_TYPE = "application/json; charset=UTF-8"
HTML_TYPE = "text/html; charset=UTF-8"
COLLECTION = "GET, POST"
ITEM = "GET, POST, PUT, PATCH, DELETE"


@dataclass
class Answer:
    """A JSON answer before it is spelled out. `headers` come without Content-Type."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """Spell the body as WordPress does: ASCII only."""
        return json.dumps(self.body, separators=(",", ":")).encode()


class ApiError(Exception):
    """An answer that is not 2xx, raised from wherever it is noticed."""

    def __init__(self, status: int, code: str, message: str, *, allow: str = "", **data: Any) -> None:
        body = {"code": code, "message": message, "data": {"status": status, **data}}
        self.answer = Answer(status, body, {"Allow": allow} if allow else {})
        super().__init__(message)

    @classmethod
    def of_params(cls, invalid: InvalidParamsError, *, allow: str) -> ApiError:
        """Make the 400 that lists every refused parameter."""
        return cls(
            400,
            "rest_invalid_param",
            str(invalid),
            allow=allow,
            params={name: complaint.message for name, complaint in invalid.complaints.items()},
            details={name: asdict(complaint) for name, complaint in invalid.complaints.items()},
        )


def no_route() -> ApiError:
    """Return the answer to a path or method that the API does not have."""
    return ApiError(404, "rest_no_route", "No route was found matching the URL and request method.")
