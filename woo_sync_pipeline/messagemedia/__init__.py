"""Reading and writing the MessageMedia contact directory. Imports no Dagster."""

from woo_sync_pipeline.messagemedia.client import MAX_MEMBERS, PlatformClient
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
from woo_sync_pipeline.messagemedia.models import (
    Channel,
    Contact,
    ContactList,
    CustomField,
    CustomFieldValue,
    ListRef,
    SubscriptionState,
)
from woo_sync_pipeline.messagemedia.settings import PlatformSettings

__all__ = [
    "MAX_MEMBERS",
    "AlreadyExists",
    "Channel",
    "Contact",
    "ContactList",
    "ContactRejected",
    "CustomField",
    "CustomFieldValue",
    "ListRef",
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
    "SubscriptionState",
]
