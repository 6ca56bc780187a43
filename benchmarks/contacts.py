"""How fast store records become contacts, beside what a plain script would take.

    python benchmarks/contacts.py [SIZE ...] [--repeat N] [--json FILE]

For each size (records of one store, 70% customers and 30% guest orders, 20% with a phone of somebody else, 5%
without a mobile) it measures, each in a process of its own, and takes the best of N runs:

- phones: reading 15% invalid phones, against a loop of phonenumbers' parse, is_valid, number_type, format;
- transform: normalise, validate and merge all records, against that same loop alone over the same rows;
- merge alone, with the lists of sources and groups, against pandas' `groupby().apply()` row by row.

It prints seconds of the processor, rows per second, the peak memory of the process (with the records that it was
given), and how many times faster than the baseline that is. A thousand rows go before each measurement, and ten
thousand records of other people before the transform: loading phone metadata, compiling patterns and whatever else is
done at the first use takes about half a second, once for each process.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import store_records
from measuring import console, forget_peak_memory, peak_memory_mb
from pydantic import SecretStr
from rich.table import Table

from woo_sync_pipeline.contacts.merge import MergeInput, MergeSource, merge_contacts
from woo_sync_pipeline.contacts.normalise import UTC_TIME
from woo_sync_pipeline.contacts.phones import parse_phone
from woo_sync_pipeline.contacts.schemas import MergedContact, validate
from woo_sync_pipeline.sources.woocommerce.normalise import raw_portions
from woo_sync_pipeline.sources.woocommerce.settings import (
    WooCommerceConsent,
    WooCommerceGroups,
    WooCommerceSettings,
)
from woo_sync_pipeline.state.bulk import PORTION, arrow_schema
from woo_sync_pipeline.state.columns import CONTACT_COLUMNS
from woo_sync_pipeline.steps.fit import RECORD_SCHEMA, NormalisedRecords, fit_records

SOURCE = WooCommerceSettings(
    name="WooCommerce",
    key="woocommerce",
    url="https://shop.example.com",
    consumer_key=SecretStr("unused"),
    consumer_secret=SecretStr("unused"),
    start_date=date(2026, 11, 1),
    default_region="AU",
    consent=WooCommerceConsent(meta_keys=("sms_marketing_consent", "sms_optout_at")),
    groups=WooCommerceGroups(meta_keys=("customer_tags",)),
)
ROW_WISE_SAMPLE = 5_000
WARM_UP = 1_000
OTHERS, OTHER_RECORDS = "others", 10_000
SEED = 20261101


@dataclass(frozen=True)
class Measured:
    """One measurement: seconds for `rows`, and the peak memory of its process in megabytes."""

    what: str
    rows: int
    seconds: float
    peak_mb: float

    @property
    def rows_per_second(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds


def plain_phone_loop(typed: Iterable[tuple[str, str]]) -> list[str | None]:
    """What a script without further thought does: E.164 of each mobile, None of all else."""
    found: list[str | None] = []
    for text, region in typed:
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            found.append(None)
            continue
        is_mobile = phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) in (
            phonenumbers.PhoneNumberType.MOBILE,
            phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
        )
        found.append(
            phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if is_mobile else None
        )
    return found


def transform(folder: Path) -> Callable[[], object]:
    """Prepare normalising, validating and merging all records."""
    contacts_of(folder / OTHERS)
    return lambda: contacts_of(folder)


def contacts_of(folder: Path) -> pa.Table:
    """Contacts of customers and guest orders, portion by portion, as a sync does: first records, then phones."""
    order_ids = pq.read_table(folder / "orders.parquet", columns=["record_id"])["record_id"]
    records = pa.concat_tables(
        pa.Table.from_pandas(found.records, schema=MERGE_SCHEMA, preserve_index=False)
        for found in fitting(
            portions(folder / "customers.parquet"), portions(folder / "orders.parquet"), order_ids.to_pylist()
        )
    )
    records = records.filter(pc.is_valid(records["phone"])).sort_by("phone")
    merged = []
    for part in whole_phones(records):
        known, phones = known_of(part.to_pandas())
        good, failures = validate(MergedContact, merged_of(known, phones))
        assert failures.empty
        merged.append(pa.Table.from_pandas(good, schema=arrow_schema(CONTACT_COLUMNS), preserve_index=False))
    return pa.concat_tables(merged)


def fitting(
    customers: Iterable[pd.DataFrame], orders: Iterable[pd.DataFrame], guest_order_ids: Iterable[int]
) -> Iterator[NormalisedRecords]:
    """Customers and orders as records that fit their model, portion by portion."""
    for raw in raw_portions(SOURCE, customers=customers, orders=orders, guest_order_ids=guest_order_ids):
        yield fit_records(raw, source=SOURCE.key, default_region=SOURCE.default_region)


def portions(path: Path) -> Iterator[pd.DataFrame]:
    """The rows of a file in portions."""
    for batch in pq.ParquetFile(path).iter_batches(PORTION):
        yield pa.Table.from_batches([batch]).to_pandas()


def whole_phones(records: pa.Table) -> Iterator[pa.Table]:
    """Records that are sorted by phone in portions that part no phone."""
    phones = records["phone"].combine_chunks()
    is_first = np.flatnonzero(
        np.append(True, pc.not_equal(phones[1:], phones[:-1]).to_numpy(zero_copy_only=False))
    )
    starts = [int(is_first[place]) for place in range(0, len(is_first), PORTION)]
    for start, end in pairwise([*starts, records.num_rows]):
        yield records.slice(start, end - start)


def known_of(records: pd.DataFrame) -> tuple[MergeInput, list[str]]:
    """The records as the state gives them to the merge, with a tag for every tenth product."""
    has_phone = records["phone"].notna()
    bought = records.loc[has_phone, ["phone", "item_ids"]].explode("item_ids").dropna()
    bought = bought[bought["item_ids"].str.endswith("0")].drop_duplicates()
    purchases = pd.DataFrame({"phone": bought["phone"], "tag": "Product " + bought["item_ids"]})
    signals = records.loc[has_phone & (records["consent"] != "unknown"), list(SIGNAL_COLUMNS)]
    signals = signals.rename(columns={"created_at": "choice_from"})
    signals = signals.assign(
        choice_until=signals["choice_from"],
        choice_is_dated=True,
        choice_returned_at=pd.Series(pd.NaT, index=signals.index, dtype=UTC_TIME),
        is_stop=False,
    )
    holders = records.loc[has_phone, list(HOLDER_COLUMNS)]
    for frame in (holders, signals, purchases):
        frame["source"] = SOURCE.key
    return MergeInput(holders, signals, purchases), holders["phone"].tolist()


SIGNAL_COLUMNS = ("phone", "consent", "created_at", "consent_origin")
HOLDER_COLUMNS = (
    "phone",
    "record_type",
    "record_id",
    "is_person",
    "first_name",
    "last_name",
    "email",
    "tags",
    "created_at",
    "modified_at",
)


MERGE_SCHEMA = pa.schema(
    [RECORD_SCHEMA.field(name) for name in dict.fromkeys((*HOLDER_COLUMNS, *SIGNAL_COLUMNS, "item_ids"))]
)
"""What the merge needs of a record."""


def merged_of(known: MergeInput, phones: Sequence[str]) -> pd.DataFrame:
    """Merge for one store with explicit consent."""
    sources = {SOURCE.key: MergeSource(SOURCE.name, is_explicit=True)}
    return merge_contacts(known, phones=phones, sources=sources, list_names={})


def merge_alone(folder: Path) -> Callable[[], object]:
    """Prepare merging alone."""
    known, phones = known_of(normalised(folder))
    merged_of(known, phones[:WARM_UP])
    return lambda: merged_of(known, phones)


def merge_row_by_row(folder: Path) -> Callable[[], object]:
    """Prepare the merge that is easiest to write, on a sample of the records."""
    records = normalised(folder)
    sample = records[records["phone"].notna()].head(ROW_WISE_SAMPLE)

    def one(group: pd.DataFrame) -> pd.Series[object]:
        ranked = group.sort_values(["record_type", "modified_at"], ascending=[True, False])
        choices = group[group["consent"] != "unknown"].sort_values("created_at")
        return pd.Series(
            {
                **{
                    name: next(filter(None, ranked[name]), "")
                    for name in ("first_name", "last_name", "email")
                },
                "groups": sorted({tag for tags in group["tags"] for tag in tags}),
                "consent": choices["consent"].iloc[-1] if len(choices) else "unknown",
            }
        )

    sample.head(100).groupby("phone").apply(one, include_groups=False)
    return lambda: sample.groupby("phone").apply(one, include_groups=False)


def normalised(folder: Path) -> pd.DataFrame:
    """The records of the folder, normalised."""
    customers, orders = read(folder, "customers"), read(folder, "orders")
    found = fitting([customers], [orders], orders["record_id"].tolist())
    return pd.concat([part.records for part in found], ignore_index=True)


def read(folder: Path, name: str) -> pd.DataFrame:
    """One of the frames that `write_records` wrote."""
    return pd.read_parquet(folder / f"{name}.parquet")


def typed_phones(folder: Path, *names: str) -> list[tuple[str, str]]:
    """Phones and countries of these frames."""
    frames = [read(folder, name) for name in names]
    return [
        pair
        for frame in frames
        for pair in zip(frame["billing_phone"], frame["billing_country"], strict=True)
    ]


def plain_on_records(folder: Path) -> Callable[[], object]:
    """Prepare the plain loop over the phones of all records."""
    typed = typed_phones(folder, "customers", "orders")
    plain_phone_loop(typed[:WARM_UP])
    return lambda: plain_phone_loop(typed)


def plain_on_phones(folder: Path) -> Callable[[], object]:
    """Prepare the plain loop over the phones of which 15% are invalid."""
    typed = typed_phones(folder, "phones")
    plain_phone_loop(typed[:WARM_UP])
    return lambda: plain_phone_loop(typed)


def phones(folder: Path) -> Callable[[], object]:
    """Prepare reading the phones of which 15% are invalid."""
    typed = typed_phones(folder, "phones")
    read_phones(typed[:WARM_UP])
    return lambda: read_phones(typed)


def read_phones(typed: Iterable[tuple[str, str]]) -> list[str | None]:
    """E.164 of each mobile, None of all else."""
    return [parse_phone(text, region).e164 for text, region in typed]


MEASUREMENTS = {
    "phones: plain loop": plain_on_phones,
    "phones": phones,
    "transform: plain phone loop": plain_on_records,
    "transform": transform,
    "merge: groupby.apply": merge_row_by_row,
    "merge": merge_alone,
}
BASELINES = {
    "phones": "phones: plain loop",
    "transform": "transform: plain phone loop",
    "merge": "merge: groupby.apply",
}


def write_records(folder: Path, size: int, *, seed: int = SEED) -> None:
    """Make the records of one size and write them down for the measuring processes."""
    typed = store_records.phones(size, garbage=0.05, duplicates=0.2, seed=seed)
    first_order = size * 7 // 10
    store_records.customers(typed[:first_order], seed=seed).to_parquet(folder / "customers.parquet")
    store_records.guest_orders(typed[first_order:], seed=seed + 1).to_parquet(folder / "orders.parquet")
    messy = store_records.phones(size, garbage=0.15, duplicates=0.0, seed=SEED + 2)
    pd.DataFrame(messy, columns=["billing_phone", "billing_country"]).to_parquet(folder / "phones.parquet")


def measure(what: str, folder: Path, size: int) -> Measured:
    """Measure in this process."""
    run = MEASUREMENTS[what](folder)
    gc.collect()
    pa.default_memory_pool().release_unused()
    forget_peak_memory()
    # Of the processor, not of the clock: other programs on the machine shall not count.
    start = time.process_time()
    run()
    seconds = time.process_time() - start
    rows = min(size, ROW_WISE_SAMPLE) if what == "merge: groupby.apply" else size
    return Measured(what, rows, seconds, peak_memory_mb())


def best_of(repeat: int, what: str, folder: Path, size: int) -> Measured:
    """Measure in fresh processes, with cold caches, and return the quickest run with the highest peak."""
    runs = []
    for _ in range(repeat):
        command = [sys.executable, __file__, str(size), "--measure", what, "--folder", str(folder)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - ourselves
        runs.append(Measured(**json.loads(answer)))
    best = min(runs, key=lambda run: run.seconds)
    return Measured(what, best.rows, best.seconds, max(run.peak_mb for run in runs))


def main() -> None:
    """Measure every size and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000], metavar="SIZE")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each measurement; the best counts")
    parser.add_argument("--only", nargs="*", choices=MEASUREMENTS, default=list(MEASUREMENTS), metavar="WHAT")
    parser.add_argument("--json", type=Path, help="also write the measurements to this file")
    parser.add_argument("--measure", choices=MEASUREMENTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        sys.stdout.write(json.dumps(asdict(measure(options.measure, options.folder, options.sizes[0]))))
        return
    found: list[tuple[int, Measured]] = []
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            write_records(Path(folder), size)
            (Path(folder) / OTHERS).mkdir()
            write_records(Path(folder) / OTHERS, OTHER_RECORDS, seed=SEED + 10)
            of_size = [(size, best_of(options.repeat, what, Path(folder), size)) for what in options.only]
        console().print(table_of(of_size))
        found += of_size
    if options.json:
        rows = [{"size": size, **asdict(each)} for size, each in found]
        options.json.write_text(json.dumps(rows, indent=2) + "\n", "utf-8")


def table_of(found: Sequence[tuple[int, Measured]]) -> Table:
    """The measurements, each beside the baseline of the same size."""
    speed = {(size, each.what): each.rows_per_second for size, each in found}
    table = Table("records", "measured", "seconds", "rows/s", "µs/row", "peak MB", "times the baseline")
    for size, each in found:
        baseline = speed.get((size, BASELINES.get(each.what, "")))
        table.add_row(
            f"{size:,}",
            each.what,
            f"{each.seconds:.2f}",
            f"{each.rows_per_second:,.0f}",
            f"{1e6 / each.rows_per_second:.2f}",
            f"{each.peak_mb:,.0f}",
            f"{each.rows_per_second / baseline:.2f}" if baseline else "",
        )
    return table


if __name__ == "__main__":
    main()
