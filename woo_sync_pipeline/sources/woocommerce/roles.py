"""All roles of users: WooCommerce shows of each user only one, but finds a user by any.

So the ids of each role are listed. The largest role (that of the customers, mostly) is not: whoever has only that one
shows it, and the others, who are few, are looked up in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from woo_sync_pipeline.sources.woocommerce.client import Row, StoreClient
from woo_sync_pipeline.sources.woocommerce.errors import StoreError
from woo_sync_pipeline.sources.woocommerce.fields import objects, part
from woo_sync_pipeline.sources.woocommerce.paging import by_ids, walk
from woo_sync_pipeline.sources.woocommerce.row_ids import LeftOut
from woo_sync_pipeline.sources.woocommerce.values import items_of

BETWEEN_ROLES = "\n"
"""Parts the roles in a customer's `role`; no slug has it."""

_EVERYONE = "all"


def store_roles(client: StoreClient) -> list[str]:
    """The slugs of all roles that users of the store can have, as it describes them itself; none where it does not.

    One request. Raises StoreError while the store cannot be reached.
    """
    try:
        endpoints = objects(client.describe("customers").get("endpoints"))
    except StoreError as error:
        if error.transient:
            raise
        return []
    for endpoint in endpoints:
        # The roles to filter by; an endpoint that writes has none.
        slugs = items_of(part(part(endpoint, "args"), "role").get("enum"))
        found = [slug for slug in slugs if isinstance(slug, str) and slug and slug != _EVERYONE]
        if found:
            return found
    return []


def several_roles(client: StoreClient, roles: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """The users who have more than one of these roles, by id, with their roles in the order given.

    A request for each role, one for each hundred users of all roles but the largest, and one for each hundred of those
    again. Raises StoreError.
    """
    sizes = {role: _count(client, role) for role in roles}
    largest = max(roles, key=lambda role: sizes[role])
    # A role as a bit: a store may have hundreds of thousands of users.
    held: dict[int, int] = {}
    for bit, role in enumerate(roles):
        if role == largest or not sizes[role]:
            continue
        for rows in walk(client, "customers", {"role": role, "_fields": "id"}, left_out=LeftOut()):
            for row in rows:
                held[row["id"]] = held.get(row["id"], 0) | 1 << bit
    asked = {"role": largest, "_fields": "id"}
    for rows in by_ids(client, "customers", asked, held, left_out=LeftOut()):
        for row in rows:
            held[row["id"]] |= 1 << roles.index(largest)
    return {
        number: tuple(role for bit, role in enumerate(roles) if bits >> bit & 1)
        for number, bits in held.items()
        if bits.bit_count() > 1
    }


def with_all_roles(rows: list[Row], known: Mapping[int, Sequence[str]]) -> list[Row]:
    """The rows, of which those of users with several roles have all of them in `role`, the shown one first.

    Of a user who shows another role than those that are known, they are known no more.
    """
    return [_with_all(row, known[row["id"]]) if row["id"] in known else row for row in rows]


def _with_all(row: Row, roles: Sequence[str]) -> Row:
    shown = row.get("role")
    if not isinstance(shown, str) or shown not in roles:
        return row
    return {**row, "role": BETWEEN_ROLES.join((shown, *(role for role in roles if role != shown)))}


def _count(client: StoreClient, role: str) -> int:
    page = client.get_list("customers", {"role": role, "per_page": 1, "_fields": "id"})
    return len(page.rows) if page.total is None else page.total
