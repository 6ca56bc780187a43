"""`woo-sync discover`: what it shows of a store, and what it never shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from woo_sync_pipeline.demo.world import CONSENT_KEY, MIRROR_DATE_KEY, MIRROR_KEY, ORDER_CONSENT_KEY, TAGS_KEY
from woo_sync_pipeline_tests.cli.conftest import KEY, Command, MakeWorld, small_store
from woo_sync_pipeline_tests.sources.woocommerce.conftest import SHOP_MANAGER

NOTHING_YET: dict[str, Any] = {"consent": {}, "groups": {}}


def test_the_keys_of_the_demo_store_are_found_by_who_does_not_know_them(
    woo_sync: Command, make_world: MakeWorld
) -> None:
    world = make_world(source_options=NOTHING_YET)
    data = world.stores[KEY].data
    someone = max(data.customers)
    data.check_out(customer_id=someone, fields={ORDER_CONSENT_KEY: True})
    data.set_user_meta(someone, "newsletter", "yes")
    data.set_user_meta(someone, "einwilligung_sms", "Erika Mustermann")
    data.set_user_meta(someone, "sms_consent_phone", "+61 491 570 006")
    before = world.platform.requests.writes

    shown = woo_sync("--config", world.config, "discover")

    assert shown.code == 0, shown.err
    assert "31 customers, " in shown.lines[0]
    assert "e-mail, which is no consent to SMS" in " ".join(shown.out.split())
    assert "E•••: unread" in shown.out
    assert [secret for secret in ("Erika", "Muster", "491 570 006", "wine club") if secret in shown.out] == []
    lines = shown.out[shown.out.index("    consent:") :]
    assert yaml.safe_load(lines) == {
        "consent": {
            "mode": "explicit",
            "meta_keys": [CONSENT_KEY, ORDER_CONSENT_KEY],
            "mirrored_by": {ORDER_CONSENT_KEY: MIRROR_KEY},
            "dated_by": {MIRROR_KEY: MIRROR_DATE_KEY},
        },
        "groups": {"meta_keys": [TAGS_KEY]},
    }
    assert not (world.folder / ".woo_sync").exists()
    assert world.platform.requests.writes == before


def test_the_same_comes_as_json_without_anything_personal(woo_sync: Command, make_world: MakeWorld) -> None:
    world = make_world(source_options=NOTHING_YET)
    data = world.stores[KEY].data
    data.set_user_meta(max(data.customers), "newsletter", "yes")

    result = woo_sync("--config", world.config, "discover", "--json", "--all")

    (found,) = json.loads(result.out)
    by_key = {each["key"]: each for each in found["consent"]}
    assert found["source"] == KEY
    assert found["read"] == {"customers": len(data.customers), "orders": found["read"]["orders"]}
    assert by_key["newsletter"]["proposed"] is False
    assert by_key["newsletter"]["for"] == "e-mail only"
    assert by_key["newsletter"]["read_as"] == {"yes": 1, "no": 0, "unread": 0}
    assert by_key[ORDER_CONSENT_KEY]["hidden_on_customers"] is True
    assert {each["value"] for each in by_key[CONSENT_KEY]["found_on"]["customers"]["values"]} <= {
        *("yes", "1", "true", "subscribed", "No", "0")
    }
    (tags,) = found["tags"]
    assert all("•••" in each["tag"] for each in tags["found_on"]["customers"]["tags"])
    assert yaml.safe_load(found["yaml"]) == found["proposal"]
    assert any("docs/consent.md" in note for note in found["notes"])
    assert any("Klaviyo" in note for note in found["notes"])


def test_the_key_of_a_shop_manager_shows_orders_only_and_says_so(
    woo_sync: Command, make_world: MakeWorld
) -> None:
    key = small_store().key(user_role=SHOP_MANAGER.user_role)
    keys = {"consumer_key": key.consumer_key, "consumer_secret": key.consumer_secret}
    world = make_world(source_options={**NOTHING_YET, **keys})

    shown = woo_sync("--config", world.config, "discover")

    assert "The store withholds the meta of customers" in shown.out
    assert yaml.safe_load(shown.out[shown.out.index("    consent:") :])["consent"]["meta_keys"] == [
        ORDER_CONSENT_KEY
    ]


def test_a_store_that_is_down_does_not_hide_the_others(woo_sync: Command, make_world: MakeWorld) -> None:
    world = make_world(KEY, "outlet")
    world.stores["outlet"].stop()

    result = woo_sync("--config", world.config, "discover")

    assert result.code == 1
    assert "FAILED outlet: " in result.err
    assert f"To be put in the place of consent and groups of {KEY} in " in result.out
    chosen = woo_sync("--config", world.config, "discover", "--source", KEY, "--json")
    assert (chosen.code, [each["source"] for each in json.loads(chosen.out)]) == (0, [KEY])


@pytest.mark.parametrize("option", [["--source", "nowhere"]])
def test_a_source_that_is_none_is_a_usage_error(
    woo_sync: Command, make_world: MakeWorld, option: list[str]
) -> None:
    world = make_world()
    result = woo_sync("--config", world.config, "discover", *option)
    assert (result.code, world.stores[KEY].requests) == (2, [])
    assert f"Known: {KEY}" in result.err
