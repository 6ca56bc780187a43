"""Telling Dagster of the many days that one run has filled, without an event of its own making for each."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from datetime import date, timedelta
from time import time

import dagster as dg
import sqlalchemy as sa
from dagster._core.events import DagsterEvent, StepMaterializationData
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

_ANY_DAY = "0001-01-01"
"""Stands for the day in the event that all are made of."""

# A quarter of the time that it takes to send each row.
_FILL = """
INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)
SELECT :run_id, replace(:event, :any_day, day), :dagster_event_type, :timestamp, :step_key, :asset_key, day
FROM unnest(CAST(:days AS text[])) AS day
"""


def fill_days(context: dg.AssetExecutionContext, first: date, before: date, *, sync_id: int) -> None:
    """Note that this run has filled the partitions of its asset from `first` to the day before `before`.

    Dagster writes down each partition of a run in a statement of its own, with all metadata: eight assets and nine
    years take minutes. These are written at once, and name the sync that has read them. They come before what Dagster
    writes itself, so that the latest materialisation is the one with the metadata.
    """
    days = [day.isoformat() for day in _days(first, before)]
    if not days:
        return
    storage = context.instance.event_log_storage
    event = _event(context, sync_id=sync_id)
    if not isinstance(storage, SqlEventLogStorage):
        # Kept elsewhere than in tables, which takes them one by one only.
        for day in days:
            context.instance.handle_new_event(_event(context, sync_id=sync_id, day=day))
        return
    row = dict(storage.prepare_insert_event(event).compile().params)
    with storage.index_connection() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text(_FILL), {**row, "any_day": _ANY_DAY, "days": days})
            return
        rows = [{**row, "event": row["event"].replace(_ANY_DAY, day), "partition": day} for day in days]
        connection.execute(SqlEventLogStorageTable.insert(), rows)


def _event(context: dg.AssetExecutionContext, *, sync_id: int, day: str = _ANY_DAY) -> EventLogEntry:
    run, step_key = context.run, context.op_execution_context.get_step_execution_context().step.key
    told = f"Read together with the days after it, by sync {sync_id}."
    materialization = dg.AssetMaterialization(
        context.asset_key, description=told, metadata={"sync": sync_id}, partition=day
    )
    event = DagsterEvent(
        event_type_value=dg.DagsterEventType.ASSET_MATERIALIZATION.value,
        job_name=run.job_name,
        step_key=step_key,
        event_specific_data=StepMaterializationData(materialization, []),
        message=told,
        pid=os.getpid(),
    )
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level=logging.DEBUG,
        user_message=told,
        run_id=run.run_id,
        timestamp=time(),
        step_key=step_key,
        job_name=run.job_name,
        dagster_event=event,
    )


def _days(first: date, before: date) -> Iterator[date]:
    return (first + timedelta(days=offset) for offset in range((before - first).days))
