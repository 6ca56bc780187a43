"""When was a choice made? What was read of records is compared with what is known of them, all rows at once.

Every choice gets an earliest and a latest possible time, by our clock:

- An order's choice was made when the order was created, by the clock of the store and with its error.
- A value that differs from the one of the last reading was made since that reading. Nobody knows when, nor whether by
  the person: such a choice is *undated*, and so is every choice that bears no date of its own. Where the store keeps
  the time of a choice beside it, that is its date.
- A customer's opt-in that is met for the first time can be as old as anything: people are imported, and come back
  under other ids. It was made before everything that is known.
- An opt-out is taken for as new as it can be: a customer's, and one that was entered into a known order, for made when
  it was seen.
- An opt-in that only repeats an opt-in of the same person under the same key, without an opt-out under that key in
  between, is the old one with its old time: checkouts prefill the box, and copies of orders copy it. Where that opt-out
  has no date, and was perhaps an accident of the store, the opt-in has none either.
- An opt-in that is taken back leaves its key without a yes. That is an opt-out, also of somebody who was imported
  again.
- An opt-in that comes back where an opt-out without a date has stood for a while is the old one as well, for that may
  have been such an accident. It undoes that opt-out, and no other.

What is new in an answer `words.py` finds out. An opt-out that disappears stays in force.

An opt-out belongs to the person. Whoever changes phone while the platform has the old one unsubscribed has not thereby
agreed to be texted on the new one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from woo_sync_pipeline.contacts.choice_times import Interval, ReadingClock, Readings, flags
from woo_sync_pipeline.contacts.columns import NEVER, Flags, Microseconds, Objects, microseconds, moments
from woo_sync_pipeline.contacts.consent import Consent, read_answers
from woo_sync_pipeline.contacts.consent_event import ConsentEventKind
from woo_sync_pipeline.contacts.repeats import PersonalChoices, opt_ins_before, repeats_of
from woo_sync_pipeline.contacts.subscription import SetBy, SubscriptionState
from woo_sync_pipeline.contacts.words import WordsBeside, leave_open, words_of

_IN, _OUT = Consent.opted_in.value, Consent.opted_out.value

REPEATS = "repeats an earlier one"
CAME_BACK = "came back"
MOVED = "came along to another phone"
IN_TRASH = "on a trashed order: does not count"
"""What becomes of choices, in the words of the ledger."""


@dataclass(frozen=True)
class DatedChoices:
    """records: record_type, record_id, consent, consent_origin, consent_key, choice, choice_from, choice_until,
    choice_is_dated, choice_returned_at, carried_opt_out_at and carried_stop_at of each row, in order.

    events: what is new for the ledger: record_type, record_id, the `row` that says it, what (yes, no), key, value (as
    it was read), said_from, said_until, said_is_dated, and what `became` of it.
    """

    records: pd.DataFrame
    events: pd.DataFrame


def date_choices(
    rows: pd.DataFrame, others: pd.DataFrame, *, clock: ReadingClock, repeats_count: bool
) -> DatedChoices:
    """The choice of each row as it is to be stored, with its times, and what is new of it.

    rows: one per record that was read and is not known in this form: record_type, record_id, person_id, is_person,
    phone, email, is_discarded, consent, consent_origin, consent_key, consent_value, consent_answers, consent_basis,
    said_at, created_at, read_at. With `old_` in front what is known of the record, all null where nothing is: phone,
    consent, consent_origin, consent_key, consent_answers, consent_basis, choice, choice_from, choice_until,
    choice_is_dated, choice_returned_at, carried_opt_out_at, carried_stop_at, last_seen_at, is_gone. And with `left_`
    what is known of the contact whose phone the record had before: is_left, consent, consent_at, state, state_by,
    unsubscribed_seen_at, applied_consent, applied_consent_at.
    others: what the same people have said before: event_id, is_person, gave_way (whether a person with the phone has
    opted in again as before), and the columns of `PersonalChoices.of`.
    repeats_count: whether an opt-in that repeats an older one is a new choice nevertheless.
    """
    readings = Readings(rows, clock)
    rows = _with_what_is_taken_back(rows, others)
    words = words_of(rows, read_alike=readings.was_read_alike)
    is_new = words.is_new
    is_person = rows["is_person"].to_numpy(dtype=bool)
    anew = readings.said(words.said_at, words.word == _IN)
    # As it was said by the record itself, whatever it repeats.
    own = Interval(
        np.where(is_new, anew.begins, microseconds(rows["old_choice_from"])),
        np.where(is_new, anew.ends, microseconds(rows["old_choice_until"])),
        np.where(is_new, anew.is_dated, flags(rows["old_choice_is_dated"])),
    )
    earlier = opt_ins_before(rows, words, others, is_person & readings.was_read_alike)
    returns = (earlier.begins != NEVER) & ~(anew.is_dated & (anew.begins > earlier.begins))
    returned_at = np.where(
        returns, readings.last_without, np.where(is_new, NEVER, microseconds(rows["old_choice_returned_at"]))
    )
    counts = _where(returns, earlier, own)
    beside = WordsBeside.of(words, readings)
    is_discarded = rows["is_discarded"].to_numpy(dtype=bool)
    became = np.where((words.choice == _IN) & is_discarded, IN_TRASH, "").astype(object)
    if not repeats_count:
        choices = PersonalChoices.of_rows(
            rows,
            key=words.key,
            choice=words.choice,
            said=Interval(counts.begins, own.ends, counts.is_dated),
        )
        candidates = is_new & (words.word == _IN) & ~returns
        repeats = repeats_of(
            PersonalChoices.together(
                choices,
                PersonalChoices.of_rows(
                    rows.iloc[beside.rows], key=beside.keys, choice=beside.choices, said=beside.said
                ),
                PersonalChoices.of(_but_of_returned(others, rows[returns])),
            ),
            candidates & ~(is_person & anew.is_dated),
        )
        counts = Interval(
            repeats.said.begins,
            np.where(repeats.are_some, repeats.said.ends, counts.ends),
            repeats.said.is_dated,
        )
        became[repeats.are_some] = REPEATS
    became[returns] = CAME_BACK
    # What another sync has read later is what is stored.
    stale = readings.last_seen_at > readings.read_at
    event, moved = _events(rows, words.choice, is_new=is_new & ~stale, stale=stale)
    became[moved] = MOVED
    opt_out_at, stop_at = _carried(rows)
    ids = rows[["record_type", "record_id"]].reset_index(drop=True)
    records = ids.assign(
        consent=words.consent,
        consent_origin=words.origin,
        consent_key=words.key,
        choice=words.choice,
        choice_from=moments(counts.begins),
        choice_until=moments(counts.ends),
        choice_is_dated=counts.is_dated.astype(bool),
        choice_returned_at=moments(returned_at),
        carried_opt_out_at=moments(opt_out_at),
        carried_stop_at=moments(stop_at),
    )
    spoken_by = ids.assign(row=np.arange(len(ids)))
    events = spoken_by.assign(
        what=event,
        key=words.key,
        value=words.value,
        said_from=moments(own.begins),
        said_until=moments(own.ends),
        said_is_dated=own.is_dated.astype(bool),
        became=became,
    )
    parts = (events[pd.notna(event)], beside.events(spoken_by)[~stale[beside.rows]])
    filled = [part for part in parts if len(part)] or [events[:0]]
    return DatedChoices(records, pd.concat(filled, ignore_index=True))


def _with_what_is_taken_back(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """The rows, of which some opt out: new persons who leave a key without the yes that stood there before.

    People are imported again under other ids, also after they have unticked the box.
    """
    asked = rows["is_person"] & rows["old_last_seen_at"].isna() & rows["phone"].notna()
    asked &= leave_open(rows["consent_answers"])
    if not asked.any():
        return rows
    of_persons = others[others["is_person"].to_numpy(dtype=bool)]
    latest = of_persons.sort_values(["choice_until", "event_id"]).groupby(["phone", "consent_key"]).tail(1)
    opted_in = latest[(latest["choice"] == _IN).to_numpy(dtype=bool)]
    places = set(zip(opted_in["phone"], opted_in["consent_key"], strict=True))
    asked &= rows["phone"].isin(opted_in["phone"])
    rows = rows.reset_index(drop=True)
    for row in np.flatnonzero(asked):
        for found_under, answer in read_answers(str(rows.at[row, "consent_answers"])).items():
            if answer.consent is Consent.unknown and (rows.at[row, "phone"], answer.key) in places:
                taken_back = [_OUT, f"{rows['record_type'].iloc[row]} meta {found_under}", answer.key]
                rows.loc[row, ["consent", "consent_origin", "consent_key"]] = taken_back
    return rows


def _where(chosen: Flags, these: Interval, others: Interval) -> Interval:
    return Interval(
        np.where(chosen, these.begins, others.begins),
        np.where(chosen, these.ends, others.ends),
        np.where(chosen, these.is_dated, others.is_dated),
    )


def _but_of_returned(others: pd.DataFrame, returned: pd.DataFrame) -> pd.DataFrame:
    """Without the opt-outs of persons that gave way to the opt-in before, now or earlier: perhaps they were none."""
    returns = pd.MultiIndex.from_frame(others[["phone", "consent_key"]]).isin(
        pd.MultiIndex.from_frame(returned[["phone", "consent_key"]])
    )
    undated = (others["choice"] == _OUT).to_numpy(dtype=bool) & ~others["choice_is_dated"].to_numpy(
        dtype=bool
    )
    of_persons = others["is_person"].to_numpy(dtype=bool)
    gave_way = others["gave_way"].to_numpy(dtype=bool)
    kept: pd.DataFrame = others[~(undated & of_persons & (returns | gave_way))]
    return kept


def _carried(rows: pd.DataFrame) -> tuple[Microseconds, Microseconds]:
    """Until when the person may have opted out under an earlier phone: in a store, and by a STOP."""
    left = flags(rows["left_is_left"])
    unsubscribed = left & (rows["left_state"] == SubscriptionState.UNSUBSCRIBED.value).to_numpy(dtype=bool)
    by_platform = unsubscribed & (rows["left_state_by"] == SetBy.platform.value).to_numpy(dtype=bool)
    applied_out = (rows["left_applied_consent"] == _OUT).to_numpy(dtype=bool) & unsubscribed & ~by_platform
    chosen_out = left & (rows["left_consent"] == _OUT).to_numpy(dtype=bool)
    opt_out_at = np.maximum.reduce(
        [
            microseconds(rows["old_carried_opt_out_at"]),
            np.where(chosen_out, microseconds(rows["left_consent_at"]), NEVER),
            np.where(applied_out, microseconds(rows["left_applied_consent_at"]), NEVER),
        ]
    )
    seen_at = microseconds(rows["left_unsubscribed_seen_at"])
    seen_at = np.where(seen_at == NEVER, microseconds(rows["read_at"]), seen_at)
    stop_at = np.maximum(microseconds(rows["old_carried_stop_at"]), np.where(by_platform, seen_at, NEVER))
    return opt_out_at, stop_at


def _events(rows: pd.DataFrame, choice: Objects, *, is_new: Flags, stale: Flags) -> tuple[Objects, Flags]:
    """What is new for the ledger, and which of it is only new for a phone."""
    old_phone, phone = rows["old_phone"], rows["phone"]
    elsewhere = rows["old_last_seen_at"].notna() & phone.notna() & (old_phone != phone)
    moved = elsewhere.to_numpy(dtype=bool) & pd.notna(choice) & ~is_new & ~stale
    event = np.full(len(rows), None, dtype=object)
    event[(is_new | moved) & (choice == _IN)] = ConsentEventKind.yes.value
    event[(is_new | moved) & (choice == _OUT)] = ConsentEventKind.no.value
    return event, moved
