"""One world from its beginning to its end, by a seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from woo_sync_pipeline.state.database import Database
from woo_sync_pipeline_tests.lives.acts import PAUSES, act, register
from woo_sync_pipeline_tests.lives.world import Circumstances, LifeWorld, Person, glitch

LIVES_OF_A_WORLD = 100
STEPS = 14


@dataclass
class Lived:
    """What became of the lives of a world: violations are told with all that the person said."""

    violations: list[str] = field(default_factory=list)
    opted_in: int = 0
    not_applied: int = 0


def live(database: Database, seed: int, *, people: int = LIVES_OF_A_WORLD) -> Lived:
    """Let a world live; it is judged after every sync."""
    random = Random(seed)
    is_behind_cdn = random.random() < 0.2
    circumstances = Circumstances(
        is_explicit=random.random() < 0.6,
        stop_moves_date=random.random() < 0.5,
        is_behind_cdn=is_behind_cdn,
        store_ahead=_clock(random, only_ahead=is_behind_cdn),
        repeats_count=False,
    )
    world = LifeWorld(database, circumstances)
    everybody = [
        Person(f"+614915{number:05d}", has_account=random.random() < 0.7)
        for number in range(70_000, 70_000 + people)
    ]
    for person in everybody:
        register(world, person, random)

    def meanwhile() -> None:
        for person in random.sample(everybody, people // 10):
            act(world, person, random)

    lived = Lived()
    ends = None
    for step in range(STEPS):
        for _ in range(random.randint(1, 3)):
            for person in everybody:
                if random.random() < 0.5:
                    act(world, person, random)
            world.pass_time(random.choice(PAUSES))
        if random.random() < 0.1 and not is_behind_cdn:
            circumstances.store_ahead = _clock(random)
        if ends is None and random.random() < 0.15:
            ends = glitch(world, random.choice(["", "0"]))
        elif ends is not None:
            ends()
            ends = None
        crash = (
            random.choice(["before the commit", "after the commit", "while pushing"])
            if random.random() < 0.2
            else ""
        )
        world.sync(
            random,
            is_live=random.random() < 0.5,
            crash=crash,
            meanwhile=meanwhile,
        )
        lived.violations += [
            f"seed {seed}, step {step}, {circumstances}: {found}" for found in world.violations
        ]
        if lived.violations:
            return lived
    lived.opted_in = sum(world.referee.expects(person.phone) for person in everybody)
    lived.not_applied = len(world.not_applied())
    return lived


def _clock(random: Random, *, only_ahead: bool = False) -> timedelta:
    offsets = [0, 0, 2, 90, 600]
    seconds = random.choice(offsets if only_ahead else [*offsets, -90, -600])
    return timedelta(seconds=seconds)
