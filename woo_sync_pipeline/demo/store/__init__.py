"""A WooCommerce store to play with: real HTTP, real state, its inconvenient sides included."""

from woo_sync_pipeline.demo.store.data import StoreData
from woo_sync_pipeline.demo.store.faults import FAULTS, Fault, Faults
from woo_sync_pipeline.demo.store.generate import generate_store
from woo_sync_pipeline.demo.store.records import ApiKey
from woo_sync_pipeline.demo.store.server import DemoStore, SeenRequest

__all__ = [
    "FAULTS",
    "ApiKey",
    "DemoStore",
    "Fault",
    "Faults",
    "SeenRequest",
    "StoreData",
    "generate_store",
]
