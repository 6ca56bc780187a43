"""POST, PUT and DELETE of customers and orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from woo_sync_pipeline.demo.store.answers import COLLECTION, ITEM, ApiError, no_route
from woo_sync_pipeline.demo.store.customers import ADDRESS_KEYS
from woo_sync_pipeline.demo.store.data import StoreData
from woo_sync_pipeline.demo.store.params import Complaint, InvalidParamsError, is_email
from woo_sync_pipeline.demo.store.resources import CUSTOMERS, ORDERS, Resource


def create(data: StoreData, resource: Resource, sent: Mapping[str, Any]) -> int:
    """Create a customer or an order from a JSON body and return its id. Raises ApiError."""
    if resource is CUSTOMERS:
        return _create_customer(data, sent)
    if resource is ORDERS:
        return data.place_order(
            customer_id=_customer_id(sent) or 0,
            billing=_texts(sent.get("billing")),
            shipping=_texts(sent.get("shipping")),
            product_ids=_product_ids(data, sent),
            status=_status(data, sent) or "pending",
            meta=_meta(sent),
            created_via="rest-api",
        )
    raise no_route()


def update(data: StoreData, resource: Resource, record_id: int, sent: Mapping[str, Any]) -> None:
    """Change a customer or an order: its modification date moves, whatever was sent. Raises ApiError."""
    if resource is CUSTOMERS:
        fields = {name: str(sent[name]) for name in ("email", "first_name", "last_name") if name in sent}
        for kind in ("billing", "shipping"):
            keyed = {f"{kind}_{name}": text for name, text in _texts(sent.get(kind)).items()}
            fields |= {name: text for name, text in keyed.items() if name in ADDRESS_KEYS}
        if "email" in fields and not is_email(fields["email"]):
            raise ApiError(400, "customer_invalid_email", "Invalid email address", allow=ITEM)
        data.put_customer(record_id, fields=fields, meta=_meta(sent))
    elif resource is ORDERS:
        data.update_order(
            record_id,
            status=_status(data, sent),
            customer_id=_customer_id(sent),
            billing=_texts(sent.get("billing")),
            shipping=_texts(sent.get("shipping")),
            meta=_meta(sent),
        )
    else:
        raise no_route()


def delete(data: StoreData, resource: Resource, record_id: int, *, force: bool) -> None:
    """Delete a customer (only with force) or an order (without force: into the trash). Raises ApiError."""
    if resource is CUSTOMERS:
        if not force:
            words = "Customers do not support trashing."
            raise ApiError(501, "woocommerce_rest_trash_not_supported", words, allow=ITEM)
        data.delete_customer(record_id)
    elif resource is ORDERS:
        if force:
            data.delete_order(record_id)
        elif data.orders[record_id].status == "trash":
            words = "The order has already been deleted."
            raise ApiError(410, "woocommerce_rest_already_trashed", words, allow=ITEM)
        else:
            data.trash_order(record_id)
    else:
        raise no_route()


def _create_customer(data: StoreData, sent: Mapping[str, Any]) -> int:
    if "email" not in sent:
        words = "Missing parameter(s): email"
        raise ApiError(400, "rest_missing_callback_param", words, allow=COLLECTION, params=["email"])
    email = str(sent["email"])
    if not is_email(email):
        raise ApiError(400, "customer_invalid_email", "Invalid email address", allow=COLLECTION)
    if any(known.email.lower() == email.lower() for known in data.customers.values()):
        words = "An account is already registered with your email address. Please log in."
        raise ApiError(400, "registration-error-email-exists", words, allow=COLLECTION)
    return data.register_customer(
        email=email,
        first_name=str(sent.get("first_name", "")),
        last_name=str(sent.get("last_name", "")),
        username=str(sent.get("username", "")),
        billing=_texts(sent.get("billing")),
        shipping=_texts(sent.get("shipping")),
        meta=_meta(sent),
        modified_at=data.now(),
    )


def _status(data: StoreData, sent: Mapping[str, Any]) -> str | None:
    status = sent.get("status")
    if status is None or status in data.order_statuses:
        return status
    allowed = ", ".join(["auto-draft", *data.order_statuses])
    raise _refused("status", "rest_not_in_enum", f"status is not one of {allowed}.")


def _customer_id(sent: Mapping[str, Any]) -> int | None:
    customer_id = sent.get("customer_id")
    if customer_id is None or isinstance(customer_id, int):
        return customer_id
    raise _refused("customer_id", "rest_invalid_type", "customer_id is not of type integer.")


def _product_ids(data: StoreData, sent: Mapping[str, Any]) -> list[int]:
    wanted: list[Any] = [
        item.get("product_id") for item in sent.get("line_items", []) if isinstance(item, dict)
    ]
    if not data.products.keys() >= set(wanted):
        raise _refused("line_items", "rest_invalid_param", "line_items names a product that does not exist.")
    return wanted


def _refused(name: str, code: str, words: str) -> ApiError:
    return ApiError.of_params(InvalidParamsError({name: Complaint(code, words)}), allow=ITEM)


def _texts(sent: Any) -> dict[str, str]:
    return {str(name): str(text) for name, text in sent.items()} if isinstance(sent, dict) else {}


def _meta(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {str(entry["key"]): entry["value"] for entry in sent.get("meta_data", [])}
