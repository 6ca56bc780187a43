"""What the demo platform answers, and the refusals it is documented to give."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Json = dict[str, object]

ErrorType = Literal[
    "validation",
    "not_found",
    "method_not_allowed",
    "conflict",
    "payload_too_large",
    "unsupported_media_type",
    "message_not_readable",
    "internal_server_error",
]
FieldCode = Literal[
    "must_not_be_empty",
    "must_be_empty",
    "must_not_be_null",
    "invalid_length",
    "duplicated_value",
    "invalid_format",
    "type_mismatch",
    "missing_parameter",
    "invalid_reference",
    "incorrect_operation",
    "constraint_violation",
]


@dataclass(frozen=True)
class Answer:
    """A status and the JSON body that goes with it; no body when None."""

    status: int
    body: Json | None = None
    headers: dict[str, str] = field(default_factory=dict)


class RefusalError(Exception):
    """Ends the processing of a request; nothing has been changed."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True)
class InvalidField:
    """One entry of a 400's invalidFields."""

    name: str
    code: FieldCode
    reason: str
    invalid_ids: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """Return it as the description has it."""
        data: Json = {"name": self.name, "code": self.code, "reason": self.reason}
        if self.invalid_ids:
            data["invalidIds"] = list(self.invalid_ids)
        return data


def api_error(status: int, type: ErrorType, title: str, detail: str) -> Answer:
    """Return an ApiError."""
    return Answer(status, {"uuid": str(uuid.uuid4()), "type": type, "title": title, "detail": detail})


def invalid(fields: Sequence[InvalidField]) -> RefusalError:
    """Return a 400 that names every invalid field."""
    return RefusalError(_invalid_input("validation", "Request has incorrect values", fields))


def not_readable(detail: str) -> RefusalError:
    """Return the 400 for a body that is no JSON object."""
    return RefusalError(_invalid_input("message_not_readable", detail, ()))


def unknown_ids(name: str, ids: Sequence[str]) -> InvalidField:
    """Return the invalid field for ids that refer to nothing."""
    return InvalidField(name, "invalid_reference", "refers to what does not exist", tuple(ids))


def conflict(detail: str) -> RefusalError:
    """Return a 409."""
    return RefusalError(api_error(409, "conflict", "Conflict", detail))


def not_found(what: str) -> RefusalError:
    """Return a 404."""
    return RefusalError(api_error(404, "not_found", "Not found", f"{what} does not exist"))


def _invalid_input(type: ErrorType, detail: str, fields: Sequence[InvalidField]) -> Answer:
    answer = api_error(400, type, "Bad request", detail)
    return Answer(400, {**(answer.body or {}), "invalidFields": [each.to_json() for each in fields]})
