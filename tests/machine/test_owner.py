"""A runner's signature: alive while it runs, dead after, unknown where it cannot be seen."""

import subprocess
import sys
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from runner.machine.owner import Owner

SHOW = "from runner.machine.owner import Owner; print(Owner.this(), flush=True); input()"


def test_this_runner_is_alive_and_reads_back():
    me = Owner.this()
    assert not me.is_dead
    assert Owner.parse(str(me)) == me


def test_a_runner_that_ended_is_dead():
    with subprocess.Popen(
        [sys.executable, "-c", SHOW], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        owner = Owner.parse(other.stdout.readline().strip())
        assert not owner.is_dead
        other.communicate("\n")
    assert owner.is_dead


def test_a_number_that_came_again_is_another_runner():
    assert replace(Owner.this(), began="1").is_dead


def test_a_runner_before_the_last_restart_is_dead():
    assert replace(Owner.this(), boot="another").is_dead


def test_what_cannot_be_seen_from_here_is_not_dead():
    gone = replace(Owner.this(), began="1")
    assert not replace(gone, machine="another").is_dead
    assert not replace(gone, namespace="1").is_dead


@given(st.text())
def test_any_text_names_an_owner_or_none(text):
    owner = Owner.parse(text)
    assert owner is None or isinstance(owner.is_dead, bool)
