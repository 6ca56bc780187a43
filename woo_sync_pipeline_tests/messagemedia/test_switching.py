"""Threads switch quickly while somebody pushes, and as before when nobody does any more."""

from __future__ import annotations

import sys

import pytest

from woo_sync_pipeline.messagemedia.parallel_sending import SWITCH_SECONDS, quick_switching


def test_the_usual_interval_is_back_when_the_last_push_has_ended() -> None:
    usual = sys.getswitchinterval()
    with quick_switching:
        assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS, rel=0.05)
        with pytest.raises(ZeroDivisionError), quick_switching:
            raise ZeroDivisionError
        assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS, rel=0.05)
    assert sys.getswitchinterval() == pytest.approx(usual)


def test_who_switches_more_quickly_already_goes_on_to() -> None:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS / 2)
    try:
        with quick_switching:
            assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS / 2, rel=0.05)
    finally:
        sys.setswitchinterval(usual)
