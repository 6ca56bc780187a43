"""docs/consent.md says what the code does, and its configuration and its lines for the shop belong together."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest
import yaml

from woo_sync_pipeline.contacts import choices, words
from woo_sync_pipeline.contacts.consent_event import ConsentEventKind
from woo_sync_pipeline.contacts.subscription import NotApplied
from woo_sync_pipeline.sources.woocommerce.settings import WooCommerceConsent
from woo_sync_pipeline.state.consent_ledger import LedgerEntry
from woo_sync_pipeline_tests.checkout import CHECKOUT

PAGE = CHECKOUT / "docs" / "consent.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text("utf-8")


@pytest.fixture(scope="module")
def configured(page: str) -> WooCommerceConsent:
    """The configuration that goes with the lines for the shop."""
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    return WooCommerceConsent.model_validate(yaml.safe_load(text)["consent"])


@pytest.fixture(scope="module")
def snippet(page: str) -> str:
    """The lines for the shop."""
    (text,) = re.findall(r"```php\n(.*?)```", page, re.DOTALL)
    return str(text)


def table(page: str, name: str) -> dict[str, str]:
    """The rows of a table between markers: code, meaning."""
    (text,) = re.findall(rf"<!-- {name}: begin -->\n(.*?)<!-- {name}: end -->", page, re.DOTALL)
    return dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", text.partition("---|\n")[2], re.MULTILINE))


def test_the_keys_in_the_lines_for_the_shop_are_those_of_the_configuration(
    configured: WooCommerceConsent, snippet: str
) -> None:
    ((hidden, copy),) = configured.mirrored_by.items()
    ((dated, date_key),) = configured.dated_by.items()
    assert configured.meta_keys == (hidden,)
    assert dated == copy
    assert configured.hidden_keys == ()
    field = hidden.removeprefix("_wc_other/")
    assert f"if ( '{field}' !== $key" in snippet
    assert set(re.findall(r"_user_meta\( \$user, '([^']+)'", snippet)) == {hidden, copy, date_key}
    assert set(re.findall(r"update_user_meta\( \$user, '([^']+)'", snippet)) == {copy, date_key}


def test_the_lines_for_the_shop_write_a_dated_yes_or_no_of_a_customer_only_when_it_changes(
    configured: WooCommerceConsent, snippet: str
) -> None:
    assert (
        "add_action( 'woocommerce_set_additional_field_value', function ( $key, $value, $group, $wc_object )"
        in snippet
    )
    assert snippet.rstrip().endswith("}, 10, 4 );")
    assert "$wc_object instanceof WC_Customer" in snippet
    assert snippet.index("=== $said ) { return; }") < snippet.index("update_user_meta")
    # The date first: a sync that reads between the two must not take an old date for that of a new yes.
    assert snippet.index("(string) time()") < snippet.index("acme_sms_opt_in', $said")
    assert "$value ? 'yes' : 'no'" in snippet
    assert len(snippet.splitlines()) <= 10
    assert snippet.count("(") == snippet.count(")")
    assert snippet.count("{") == snippet.count("}")


def test_every_example_of_settings_is_valid(page: str) -> None:
    examples = re.findall(r"^    consent:\n(?:      .*\n)+", page, re.MULTILINE)
    assert examples
    for example in examples:
        assert WooCommerceConsent.model_validate(yaml.safe_load(example)["consent"]).keys


def test_every_reason_why_an_opt_in_is_not_applied_is_told_in_the_words_of_the_report(page: str) -> None:
    told = table(page, "reasons")
    assert list(told) == [reason.value for reason in NotApplied]
    for code, why in told.items():
        assert NotApplied(code).sentence.startswith(f"opted in, not applied: {why}. If the person")


def test_every_column_and_every_kind_of_entry_of_the_ledger_is_explained(page: str) -> None:
    assert table(page, "kinds") == {kind.value: kind.words for kind in ConsentEventKind}
    assert [each.name for each in fields(LedgerEntry) if f"`{each.name}`" not in page] == []


def test_what_becomes_of_choices_is_explained_in_the_words_of_the_ledger(page: str) -> None:
    told = (choices.REPEATS, choices.CAME_BACK, choices.MOVED, choices.IN_TRASH, words.BESIDE)
    assert [word for word in told if f"| `{word}` |" not in page] == []


@pytest.mark.parametrize("name", ["consent", "contacts", "operations", "report"])
def test_links_between_pages_lead_somewhere(name: str) -> None:
    text = (PAGE.parent / f"{name}.md").read_text("utf-8")
    for page, anchor in re.findall(r"\]\((?!https?:)([\w./-]*)(?:#([\w-]+))?\)", text):
        target = PAGE.parent / page if page else PAGE.parent / f"{name}.md"
        assert target.exists(), page
        if anchor:
            assert anchor in anchors(target.read_text("utf-8")), f"{page}#{anchor}"


def anchors(text: str) -> set[str]:
    """What headings are linked by."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
