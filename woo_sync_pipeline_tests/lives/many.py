"""Many lives by hand: who is subscribed against a no (nobody may be), and how many opt-ins are not applied."""

from __future__ import annotations

import argparse
import sys
import time

from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.databases import DatabaseServer, temporary_folder
from woo_sync_pipeline_tests.lives.living import LIVES_OF_A_WORLD, live


def main() -> None:
    """Live, and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lives", type=int, default=2_000)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=LIVES_OF_A_WORLD, help="lives in one world")
    options = parser.parse_args()
    worlds = -(-options.lives // options.people)
    opted_in = not_applied = 0
    began = time.monotonic()
    with temporary_folder() as folder, DatabaseServer(folder / "data") as server:
        database = Database(server.create("lives"))
        for seed in range(options.first_seed, options.first_seed + worlds):
            lived = live(database, seed, people=options.people)
            opted_in += lived.opted_in
            not_applied += lived.not_applied
            if lived.violations:
                sys.exit("\n".join(lived.violations))
            if seed % 10 == 0:
                sys.stdout.write(f"seed {seed}, {time.monotonic() - began:.0f} s\n")
                sys.stdout.flush()
        database.close()
    seconds = time.monotonic() - began
    sys.stdout.write(
        f"{worlds * options.people:,} lives, seeds {options.first_seed} to {options.first_seed + worlds - 1}, "
        f"{seconds:.0f} s: nobody is subscribed against a no. Of {opted_in:,} whose last word was yes {not_applied:,} "
        "are not subscribed.\n"
    )


if __name__ == "__main__":
    main()
