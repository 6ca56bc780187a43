"""Times in the state that lie in the future: a machine whose clock was ahead has written them."""

from __future__ import annotations

import sqlalchemy as sa

from woo_sync_pipeline.clocks import CLOCKS_MAY_DIFFER
from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline.state.statements import statements

_SQL = statements("wrong_times")


def heal_wrong_times(database: Database) -> bool:
    """Correct what lies in the future by the database's own clock; whether there was anything.

    Whoever opted in then may have done so at any time, and without a date of its own: such an opt-in wins over no
    opt-out. All else has happened by now. Cheap where nothing is wrong: only the history is looked at.
    """
    if not database.scalars(_SQL["is_any"], tolerance=CLOCKS_MAY_DIFFER)[0]:
        return False
    with database.exclusive_commit() as connection:
        connection.execute(sa.text(_SQL["heal"]))
    return True
