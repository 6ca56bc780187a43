"""The configuration of docs/consent.md, on a shop whose box is copied into visible, dated meta as that page shows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import yaml

from woo_sync_pipeline.state.consent_ledger import ledger_of
from woo_sync_pipeline_tests.checkout import CHECKOUT
from woo_sync_pipeline_tests.orchestration.conftest import KEY, MakeWorld, World, small_store

PAGE = CHECKOUT / "docs" / "consent.md"
ANN = "+61491570006"
HALF_A_DAY = timedelta(hours=13)
"""After so long the daily sync looks through the platform again."""


def documented() -> dict[str, Any]:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return dict(yaml.safe_load(text)["consent"])


def state_of_ann(world: World) -> str:
    world.sync()
    return str(world.directory.snapshot()[ANN]["states"]["SMS"])


def test_opt_outs_in_my_account_are_seen_and_a_new_tick_answers_a_stop(make_world: MakeWorld) -> None:
    consent = documented()
    ((hidden, copy),) = consent["mirrored_by"].items()
    store = small_store(customers=3, orders=1)
    store.mirror_field(hidden, into=copy, dated=consent["dated_by"][copy])
    billing = {"first_name": "Ann", "phone": ANN, "country": "AU"}
    ann = store.register_customer(email="ann@example.com", billing=billing)
    world = make_world({KEY: store}, source_options={"consent": consent})

    store.check_out(customer_id=ann, billing=billing, fields={hidden: True})
    assert state_of_ann(world) == "SUBSCRIBED"
    store.save_account_field(ann, hidden, False)
    assert state_of_ann(world) == "UNSUBSCRIBED"
    world.outwait_the_clocks()
    store.save_account_field(ann, hidden, True)
    assert state_of_ann(world) == "SUBSCRIBED"

    world.directory.unsubscribe(ANN)
    world.let_pass(HALF_A_DAY)
    assert state_of_ann(world) == "UNSUBSCRIBED"
    world.let_pass()
    store.check_out(customer_id=ann, billing=billing)
    store.save_account_field(ann, hidden, True)
    assert state_of_ann(world) == "UNSUBSCRIBED", "a box that is ticked already says nothing new"
    store.save_account_field(ann, hidden, False)
    assert state_of_ann(world) == "UNSUBSCRIBED"
    world.outwait_the_clocks()
    store.save_account_field(ann, hidden, True)
    assert state_of_ann(world) == "SUBSCRIBED"

    said = [each for each in ledger_of(world.database, ANN) if each.record_type == "customer"]
    assert [(each.what, each.value, each.key) for each in said] == [
        ("yes", "yes", hidden),
        ("no", "no", hidden),
        ("yes", "yes", hidden),
        ("no", "no", hidden),
        ("yes", "yes", hidden),
    ]
    assert all(each.is_dated for each in said if each.what == "yes")
