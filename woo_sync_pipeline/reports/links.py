"""Links to where somebody can mend a store record."""

from __future__ import annotations

_PAGES = {
    "customer": "/wp-admin/user-edit.php?user_id={record_id}",
    # Stores that keep orders in tables of their own redirect from here to the page of the order.
    "order": "/wp-admin/post.php?post={record_id}&action=edit",
}


def edit_page(store_url: str, record_type: str, record_id: str) -> str:
    """The page in the store's administration on which a customer or an order is edited."""
    return store_url.rstrip("/") + _PAGES[record_type].format(record_id=record_id)
