"""What failed for a moment is tried again, each time after a longer wait; what did not, is not."""

import pytest

from runner.environments.patience import Patience, call_again


def is_worth_it(error: BaseException) -> bool:
    return isinstance(error, ConnectionError)


@pytest.mark.parametrize(
    ("patience", "waits"), [({}, [2, 4, 8, 16]), ({"attempts": 4, "longest_wait": 3}, [2, 3, 3])]
)
def test_the_waits_double_up_to_the_longest_and_the_last_error_is_raised(patience, waits):
    waited: list[float] = []
    said: list[str] = []

    def call(number):
        raise ConnectionError(f"lost {number}")

    with pytest.raises(ConnectionError, match="lost 7"):
        call_again(said.append, is_worth_it, Patience(sleep=waited.append, **patience), call, 7)
    assert waited == waits
    assert said == [f"lost 7; trying again in {wait} s" for wait in waits]


def test_what_works_the_second_time_is_returned():
    results = iter([ConnectionError("lost"), 7])

    def call():
        if isinstance(result := next(results), Exception):
            raise result
        return result

    assert call_again(lambda _: None, is_worth_it, Patience(sleep=lambda _: None), call) == 7


def test_what_is_not_worth_it_is_tried_once():
    def call():
        calls.append(1)
        raise ValueError("wrong")

    calls: list[int] = []
    with pytest.raises(ValueError, match="wrong"):
        call_again(lambda _: None, is_worth_it, Patience(sleep=lambda _: None), call)
    assert calls == [1]
