"""A Klaviyo account to play with: real HTTP, real state, enforced limits, its inconvenient sides included."""

from woo_sync_pipeline.demo.klaviyo.data import KlaviyoData
from woo_sync_pipeline.demo.klaviyo.faults import FAULTS, Fault, Faults
from woo_sync_pipeline.demo.klaviyo.generate import KnownPerson, generate_klaviyo, people_of
from woo_sync_pipeline.demo.klaviyo.limits import PUBLISHED_RATES, Rate, RateLimits
from woo_sync_pipeline.demo.klaviyo.records import SCOPES, AccountDetails, ApiKey
from woo_sync_pipeline.demo.klaviyo.server import DemoKlaviyo, SeenRequest

__all__ = [
    "FAULTS",
    "PUBLISHED_RATES",
    "SCOPES",
    "AccountDetails",
    "ApiKey",
    "DemoKlaviyo",
    "Fault",
    "Faults",
    "KlaviyoData",
    "KnownPerson",
    "Rate",
    "RateLimits",
    "SeenRequest",
    "generate_klaviyo",
    "people_of",
]
