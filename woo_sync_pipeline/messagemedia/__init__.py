"""Reading and writing the MessageMedia contact directory. Imports no Dagster."""

from woo_sync_pipeline.messagemedia.client import PlatformClient
from woo_sync_pipeline.messagemedia.errors import (
    AlreadyExists,
    ContactRejected,
    NotFound,
    OutcomeUnknown,
    PlatformAuthError,
    PlatformError,
    PlatformProtocolError,
    PlatformTlsError,
    PlatformUnavailable,
    RequestRejected,
    ServerFault,
)
from woo_sync_pipeline.messagemedia.models import Contact
from woo_sync_pipeline.messagemedia.settings import PlatformSettings

__all__ = [
    "AlreadyExists",
    "Contact",
    "ContactRejected",
    "NotFound",
    "OutcomeUnknown",
    "PlatformAuthError",
    "PlatformClient",
    "PlatformError",
    "PlatformProtocolError",
    "PlatformSettings",
    "PlatformTlsError",
    "PlatformUnavailable",
    "RequestRejected",
    "ServerFault",
]
