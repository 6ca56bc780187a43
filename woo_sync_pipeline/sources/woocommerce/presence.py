"""Proving that orders are still in the store, since an order that is deleted for good leaves no trace in any list.

Neither does an order that the store does not show: one with the status of a plugin that is switched off, or one that a
plugin hides from the key. So what is missing in a list is asked for alone, and only WooCommerce's own word that there
is no such order counts.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial

from woo_sync_pipeline.sources.woocommerce.client import StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import StoreError, StoreRecordMissingError
from woo_sync_pipeline.sources.woocommerce.paging import by_ids
from woo_sync_pipeline.sources.woocommerce.read_ahead import map_ahead
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut

MOST_ASKED_FOR_ALONE = 1_000
"""Of orders that a list lacks: the rest waits for the next proof. They take a request each."""

_NO_SUCH_ORDER = "woocommerce_rest_shop_order_invalid_id"


@dataclass(frozen=True)
class Presence:
    """What became of the orders that were to be proven.

    gone: those that were deleted for good. unclear: how many others the store's list lacks: it shows them alone, or
    does not answer for them, or they were too many to be asked for.
    """

    gone: frozenset[int] = frozenset()
    unclear: int = 0


def find_gone_orders(client: StoreClient, ids: Collection[int], *, statuses: Sequence[str]) -> Presence:
    """Which of these orders are gone for good: a request for each hundred, and one for each that is missing.

    `statuses` are all that orders have, the trash too. Raises StoreError while the store cannot be reached; a refusal
    concerning a single order makes it unclear.
    """
    asked: dict[str, str | int] = {"status": ",".join(statuses), "_fields": "id"}
    missing = {number for number in ids if number > 0}
    for rows in by_ids(client, "orders", asked, missing, left_out=LeftOut()):
        missing.difference_update([row["id"] for row in rows])
    alone = sorted(missing)
    if len(alone) > MOST_ASKED_FOR_ALONE:
        # Other ones each time: those that are only hidden would for ever be in the way of the others.
        alone = sorted(random.sample(alone, MOST_ASKED_FOR_ALONE))
    answers = map_ahead(partial(_is_gone, client), alone, ahead=client.settings.max_concurrency)
    gone = frozenset(number for number, is_gone in zip(alone, answers, strict=True) if is_gone)
    return Presence(gone, len(missing) - len(gone))


def _is_gone(client: StoreClient, order_id: int) -> bool:
    try:
        client.get_object(f"orders/{order_id}", {"_fields": "id"})
    except StoreRecordMissingError as missing:
        return _NO_SUCH_ORDER in missing.got
    except StoreError as refused:
        if refused.transient:
            raise
    return False
