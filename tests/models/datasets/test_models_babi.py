"""The bAbI simulator, parser and encoding."""

import contextlib

import numpy as np
import pytest

from models.datasets import babi

SEEDS = (0, 1, 7)


def words(text):
    return text.split()


def solve(story):
    """Return the known place of each object, reading the story's tokens as a person would."""
    room, holder = {}, {}
    place: dict[str, str] = {}
    sentence = []
    for token in story:
        if token != ".":
            sentence.append(token)
            continue
        person, thing = sentence[0], next((w for w in sentence if w in babi.OBJECTS), None)
        if thing is None:
            room[person] = sentence[-1]
        elif sentence[1] in ("grabbed", "got", "took", "picked"):
            assert thing not in holder
            assert place.get(thing, room[person]) == room[person]
            holder[thing] = person
        else:
            assert holder.pop(thing) == person
            place[thing] = room[person]
        sentence = []
    place.update({thing: room[person] for thing, person in holder.items()})
    return place


@pytest.mark.parametrize("seed", SEEDS)
def test_every_question_has_the_answer_that_a_reader_finds(seed):
    for text in babi.simulate(seed, 300, 100):
        for story, question, answer in babi.parse(text):
            assert question[:3] == ["Where", "is", "the"] and question[4:] == ["?"]
            assert solve(story)[question[3]] == answer


@pytest.mark.parametrize("seed", SEEDS)
def test_the_words_and_the_longest_story_are_those_of_the_real_task(seed):
    train, test = (list(babi.parse(text)) for text in babi.simulate(seed, 1000, 1000))
    assert len(train) == len(test) == 1000
    for part in (train, test):
        used = {word for story, question, answer in part for word in story + question + [answer]}
        assert used == set(babi.VOCABULARY)
    assert max(len(story) for story, _, _ in train) == babi.STORY_TOKENS
    assert max(len(story) for story, _, _ in test) <= babi.STORY_TOKENS
    assert len(babi.VOCABULARY) == 35


@pytest.mark.parametrize("train, test", [(1, 1), (2, 3), (5, 5), (6, 11)])
def test_as_many_questions_as_asked_for(train, test):
    texts = babi.simulate(3, train, test)
    assert [len(list(babi.parse(text))) for text in texts] == [train, test]
    assert max(len(story) for story, _, _ in babi.parse(texts[0])) == babi.STORY_TOKENS


def test_supporting_facts_name_the_object_and_the_room():
    text, _ = babi.simulate(5, 50, 5)
    lines: dict[str, str] = {}
    for line in text.splitlines():
        number, rest = line.split(" ", 1)
        if number == "1":
            lines = {}
        lines[number] = rest
        if "\t" in rest:
            question, answer, support = rest.split("\t")
            facts = " ".join(lines[number] for number in support.split())
            assert len(support.split()) == 2
            assert babi.tokens(question)[3] in facts and answer in facts


def test_the_real_format_is_read():
    text = (
        "1 Mary moved to the bathroom.\n2 Mary got the football there.\n"
        "3 Where is the football? \tbathroom\t1 2\n1 John went to the office.\n"
        "2 John took the milk.\n3 Where is the milk?\toffice\t1 2\n"
    )
    first, second = babi.parse(text)
    assert first == (
        words("Mary moved to the bathroom . Mary got the football there ."),
        words("Where is the football ?"),
        "bathroom",
    )
    assert second[0] == words("John went to the office . John took the milk .")


def test_words_are_numbered_in_sorted_order_and_padded_on_the_left():
    (stories, questions), answers = babi.encode(
        "1 Mary went to the garden.\n2 Where is the milk? \tgarden\t1\n"
    )
    number = {word: index for index, word in enumerate(sorted(babi.VOCABULARY), start=1)}
    told = [number[word] for word in ("Mary", "went", "to", "the", "garden", ".")]
    assert list(stories[0, -6:]) == told and not stories[0, :-6].any()
    assert list(questions[0]) == [number[word] for word in ("Where", "is", "the", "milk", "?")]
    assert list(answers) == [number["garden"]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mary went.\n",
        "1 Mary went to the garden.\n",
        "1 Where is the moon? \tgarden\t1\n",
        "1 " + "Mary " * 553 + "\n2 Where is the milk? \tgarden\t1\n",
    ],
)
def test_another_text_is_refused(text):
    with pytest.raises(babi.InvalidBabi):
        babi.encode(text)


def test_what_is_simulated_is_what_is_parsed():
    hypothesis = pytest.importorskip("hypothesis")
    from hypothesis import strategies

    @hypothesis.settings(max_examples=30, deadline=None)
    @hypothesis.given(
        strategies.integers(0, 2**32 - 1), strategies.integers(1, 20), strategies.integers(1, 20)
    )
    def check(seed, train, test):
        for text, count in zip(babi.simulate(seed, train, test), (train, test)):
            (stories, questions), answers = babi.encode(text)
            assert stories.shape == (count, 552) and questions.shape == (count, 5)
            rooms = np.array(babi.VOCABULARY)[answers - 1]
            assert set(rooms) <= set(babi.ROOMS)

    check()


def test_the_parser_survives_any_text():
    hypothesis = pytest.importorskip("hypothesis")
    from hypothesis import strategies

    @hypothesis.settings(max_examples=200, deadline=None)
    @hypothesis.given(strategies.text(alphabet="1 \n\tMary?.\u0663"))
    def check(text):
        with contextlib.suppress(babi.InvalidBabi):
            babi.encode(text)

    check()
