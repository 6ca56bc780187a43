"""Who is told when something goes wrong, and how they are reached."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from woo_sync_pipeline.config.values import (
    EmailAddress,
    HostName,
    Secret,
    SecretWebAddress,
    Section,
    Text,
    refuse,
)

EmailTls: TypeAlias = Literal["starttls", "implicit", "none"]


class EmailSettings(Section):
    """Where alerts are sent by email, and through which server."""

    smtp_host: HostName
    smtp_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    tls: EmailTls | None = None
    starttls: bool | None = Field(
        default=None, description="the older way to write tls: starttls or tls: none"
    )
    username: Text | None = None
    password: Secret | None = None
    sender: Annotated[EmailAddress, Field(alias="from")]
    to: Annotated[tuple[EmailAddress, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _password_is_safe(self) -> Self:
        if self.tls is not None and self.starttls is not None:
            raise refuse("tls and starttls say the same thing. Write tls alone")
        if (self.username is None) != (self.password is None):
            raise refuse("username and password go together. Write both, or neither")
        if self.password is not None and self.encryption == "none":
            raise refuse(
                "without TLS anybody on the way can read the password. Set tls to starttls or to implicit"
            )
        return self

    @property
    def encryption(self) -> EmailTls:
        """When the connection is encrypted: once the server has said that it can, from the beginning, or never."""
        if self.tls is not None:
            return self.tls
        return "none" if self.starttls is False else "starttls"

    @property
    def port(self) -> int:
        """The port of the server: the configured one, else the usual one of the encryption."""
        return self.smtp_port or (465 if self.encryption == "implicit" else 587)


class AlertSettings(Section):
    """Who is told when a sync fails or ends with errors, and what counts as one."""

    webhook_url: SecretWebAddress | None = None
    email: EmailSettings | None = None
    min_interval_minutes: Annotated[int, Field(ge=0)] = 60
    max_invalid_share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.5

    @property
    def has_receiver(self) -> bool:
        """Whether there is anybody to tell."""
        return self.webhook_url is not None or self.email is not None
