"""Settings for steps that run on several machines."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from woo_sync_pipeline.config.values import Section, refuse, split_address


def _redis_url(value: SecretStr) -> SecretStr:
    parts = split_address(value.get_secret_value())
    if parts is None or parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise refuse(
            "this is no address of a Redis. Write redis://:password@host:6379/0, or rediss:// with TLS"
        )
    return value


class CelerySettings(Section):
    """The Redis through which the steps of syncs are handed to Celery workers."""

    redis_url: Annotated[SecretStr, AfterValidator(_redis_url)]
    redeliver_after_seconds: Annotated[int, Field(ge=5, le=86_400)] = 3600
