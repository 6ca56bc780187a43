"""A record that does not fit its model is left out, and named with the rules that it breaks, never with a value."""

from __future__ import annotations

from woo_sync_pipeline.steps.findings import RecordTally, every_record_fits_its_model
from woo_sync_pipeline.steps.fit import NormalisedRecords
from woo_sync_pipeline_tests.sources.woocommerce.normalised import normalised_records
from woo_sync_pipeline_tests.sources.woocommerce.test_normalise import (
    customer,
    frame_of,
    order,
    settings_with,
)


def normalised() -> NormalisedRecords:
    """Two records that fit and two that do not: one has no hash, the other an impossible customer and no hash."""
    return normalised_records(
        settings_with(),
        customers=frame_of(
            [customer(record_id=7, billing_phone="0412 345 678"), customer(record_id=8, hash=None)]
        ),
        orders=frame_of(
            [
                order(record_id=44, billing_email="ann@example.com"),
                order(record_id=45, customer_id=-5, hash=None),
            ]
        ),
        guest_order_ids=[44],
    )


def test_a_record_that_does_not_fit_is_a_row_of_the_report_with_its_reason() -> None:
    found = normalised()
    assert found.records["record_id"].tolist() == ["7", "44"]
    assert {each.phone_masked for each in found.left_out} == {""}
    assert [(each.outcome, each.record_type, each.record_id, each.reason) for each in found.left_out] == [
        ("invalid", "customer", "8", "does_not_fit (hash: not_nullable, hash: text)"),
        (
            "invalid",
            "order",
            "45",
            "does_not_fit (customer_id: greater_than_or_equal_to(0), hash: not_nullable, hash: text)",
        ),
    ]


def test_the_check_names_the_records_that_were_left_out_and_counts_them_by_rule() -> None:
    finding = every_record_fits_its_model(normalised())
    assert not finding.passed
    assert finding.rows == ("customer 8", "order 45")
    assert finding.numbers["refused"] == 2


def test_those_left_out_are_collected_over_all_portions() -> None:
    tally = RecordTally()
    for _ in range(2):
        tally.add(normalised())
    assert [each.record_id for each in tally.left_out] == ["8", "45", "8", "45"]
    assert tally.refused == 4
