"""A MessageMedia account to play with: real HTTP, real state."""

from woo_sync_pipeline.demo.exchange import Exchange
from woo_sync_pipeline.demo.platform.account import Readings
from woo_sync_pipeline.demo.platform.directory import ContactSnapshot, Directory
from woo_sync_pipeline.demo.platform.faults import FaultKind, Faults
from woo_sync_pipeline.demo.platform.record import RequestLog, RequestRecord
from woo_sync_pipeline.demo.platform.server import DemoPlatform

__all__ = [
    "ContactSnapshot",
    "DemoPlatform",
    "Directory",
    "Exchange",
    "FaultKind",
    "Faults",
    "Readings",
    "RequestLog",
    "RequestRecord",
]
