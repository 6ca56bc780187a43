"""Records that no record can be: they are lines of the report, and everybody else is synced."""

from __future__ import annotations

from typing import Any

import pytest

from woo_sync_pipeline.demo.store import rows
from woo_sync_pipeline.demo.store.records import Customer, Order
from woo_sync_pipeline_tests.orchestration.conftest import World
from woo_sync_pipeline_tests.orchestration.expectation import expected_directory
from woo_sync_pipeline_tests.orchestration.people import single_customers


def test_records_that_cannot_be_read_are_lines_of_the_report_and_the_others_are_synced(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = expected_directory(world.store)
    (text, its_phone), (huge, other_phone), (bare, bare_phone), (float_id, _), *_ = single_customers(
        world.store
    )
    ids = {text.id: "N7", huge.id: 2**64, float_id.id: float(float_id.id)}
    buyer = world.store.place_order(
        billing={"phone": "0491 570 159", "first_name": "Zoe"}, status="completed"
    )
    guest = world.store.place_order(billing={"phone": "0491 570 158"}, status="completed")
    odd_ids: dict[int, Any] = {guest: [guest]}
    customers, orders = rows.customer_builders, rows.order_builders

    def odd_customers(*args: Any, **options: Any) -> rows.Builders:
        builders = customers(*args, **options)

        def billing(customer: Customer) -> Any:
            return None if customer.id == bare.id else builders["billing"](customer)

        return {**builders, "id": lambda customer: ids.get(customer.id, customer.id), "billing": billing}

    def odd_orders(*args: Any, **options: Any) -> rows.Builders:
        def named(order: Order) -> Any:
            return "C-7" if order.id == buyer else order.customer_id

        builders = orders(*args, **options)

        def meta(order: Order) -> Any:
            return [{}, {}] if order.id == buyer else builders["meta_data"](order)

        more: rows.Builders = {
            "id": lambda order: odd_ids.get(order.id, order.id),
            "customer_id": named,
            "meta_data": meta,
        }
        return {**builders, **more}

    monkeypatch.setattr(rows, "customer_builders", odd_customers)
    monkeypatch.setattr(rows, "order_builders", odd_orders)

    swept = world.sync()

    lines = {
        (each.record_type, each.record_id, each.phone_masked, each.reason)
        for each in world.contacts_of(swept)
        if (each.reason or "").startswith("does_not_fit")
    }
    assert lines == {
        ("customer", None, f"{_typed(text)}", "does_not_fit (id: a text)"),
        ("customer", None, f"{_typed(huge)}", "does_not_fit (id: a number of more than 64 bits)"),
        ("order", None, "049•••••158", "does_not_fit (id: a list)"),
        ("order", str(buyer), "", "does_not_fit (customer_id: greater_than_or_equal_to(0))"),
    }
    assert swept.counts["invalid_reasons"]["does_not_fit"] == 4
    assert any(warning.startswith("1 orders came without their meta") for warning in swept.counts["warnings"])
    missing = {its_phone, other_phone, bare_phone}
    shown = world.directory.snapshot()
    assert shown.keys() == expected.keys() - missing
    assert {phone: shown[phone] for phone in shown} == {phone: expected[phone] for phone in shown}
    # Neither is taken for gone when the store is mended, nor the report for the last word.
    monkeypatch.undo()
    mended = world.sync()
    assert "does_not_fit" not in mended.counts["invalid_reasons"]
    assert world.directory.snapshot() == expected_directory(world.store)


def _typed(customer: Customer) -> str:
    digits = "".join(char for char in customer.address["billing_phone"] if char in "+0123456789")
    return f"{digits[:3]}•••••{digits[-3:]}"
