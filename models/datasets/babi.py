"""bAbI task qa2 (two supporting facts): its text format, its encoding, and a simulator.

The original task was itself made by a simulation of people who move about and carry things. The
simulator here writes the same format with the same words, and one parser reads both.
"""

import re

import numpy as np

from models.datasets.facts import DATASETS

PEOPLE = ("Mary", "John", "Daniel", "Sandra")
ROOMS = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")
OBJECTS = ("apple", "football", "milk")
LONG_MOVE = "went back to"
MOVES = ("moved to", "went to", "journeyed to", "travelled to", LONG_MOVE)
TAKES = ("grabbed", "got", "took", "picked up")
DROPS = ("discarded", "dropped", "put down", "left")
ENDS = (".", " there.")
VOCABULARY = tuple(sorted(
    {word for phrase in PEOPLE + ROOMS + OBJECTS + MOVES + TAKES + DROPS for word in phrase.split()}
    | {"the", "there", "Where", "is", ".", "?"}
))

STORY_TOKENS = 552  # the longest story of the real task, to which all are padded
QUESTION_TOKENS = 5
TRAIN, VALIDATION, TEST = (
    DATASETS["babi"][part] for part in ("train", "validation", "test")
)
QUESTIONS_PER_STORY = 5


class InvalidBabi(ValueError):
    """A text is not the English qa2 task."""


def parse(text):
    """Yield (story tokens, question tokens, answer) for each question of a bAbI text."""
    story = []
    for line in text.splitlines():
        number, _, rest = line.partition(" ")
        if not number.isdigit():
            raise InvalidBabi("a line does not begin with a number: {!r}".format(line[:80]))
        if int(number) == 1:
            story = []
        if "\t" in rest:
            question, answer = rest.split("\t")[:2]
            yield list(story), tokens(question), answer.strip()
        else:
            story.extend(tokens(rest))


def tokens(sentence):
    """Return the words and the punctuation marks of a sentence."""
    return re.findall(r"\w+|[^\w\s]", sentence)


def encode(text):
    """Return ((stories, questions), answers) of a text: int32 word numbers.

    The shapes are (n, 552), (n, 5) and (n,) for a text with n questions.

    Words are numbered from 1 in sorted order, as in the Keras example; 0 pads on the left.
    """
    questions = list(parse(text))
    if not questions:
        raise InvalidBabi("the text holds no question")
    numbers = {word: index for index, word in enumerate(VOCABULARY, start=1)}
    stories = _pad([story for story, _, _ in questions], STORY_TOKENS, numbers)
    asked = _pad([question for _, question, _ in questions], QUESTION_TOKENS, numbers)
    answers = _pad([[answer] for _, _, answer in questions], 1, numbers)
    return (stories, asked), answers[:, 0]


def _pad(sequences, length, numbers):
    padded = np.zeros((len(sequences), length), dtype=np.int32)
    for row, words in zip(padded, sequences):
        if len(words) > length:
            raise InvalidBabi("{} words where qa2 has at most {}".format(len(words), length))
        try:
            row[length - len(words):] = [numbers[word] for word in words]
        except KeyError as error:
            raise InvalidBabi("{} is no word of qa2".format(error))
    return padded


def simulate(seed, train, test):
    """Return a training and a test text with as many questions; the same for the same seed.

    The first training story is as long as the longest of the real task.
    """
    first = min(QUESTIONS_PER_STORY, train)
    random = np.random.RandomState([seed, 0])
    training = _long_story(random, first) + _stories(random, train - first)
    return "".join(training), "".join(_stories(np.random.RandomState([seed, 1]), test))


def _stories(random, questions):
    texts = []
    for begin in range(0, questions, QUESTIONS_PER_STORY):
        story = _Story(random)
        for _ in range(min(QUESTIONS_PER_STORY, questions - begin)):
            story.tell(2 + story.below(6))
            story.ask()
        texts.append(story.text())
    return texts


def _long_story(random, questions):
    story = _Story(random)
    for _ in range(questions - 1):
        story.tell(2 + story.below(6))
        story.ask()
    story.fill(STORY_TOKENS)
    story.ask()
    return [story.text()]


class _Story(object):
    """People who move about, pick things up and put them down, told line by line."""

    def __init__(self, random):
        self._random = random
        self._lines = []
        self._tokens = 0
        self._room = {}  # of each person, once told
        self._room_line = {}
        self._holder = {}  # of each carried object
        self._place = {thing: self._pick(ROOMS) for thing in OBJECTS}
        self._place_line = {}  # of each object put down: the line that told the room
        self._line = {}  # of each object once carried: the line that told of it last

    def below(self, limit):
        """Return a random number from 0 to less than ``limit``."""
        return int(self._random.random_sample() * limit)

    def text(self):
        """Return the story so far in the bAbI format."""
        return "".join("{} {}\n".format(n, line) for n, line in enumerate(self._lines, start=1))

    def tell(self, facts):
        """Tell some facts, and more until a question can be asked."""
        for _ in range(facts):
            self._act()
        while not self._line:
            self._act()

    def fill(self, total):
        """Tell facts until the story has exactly ``total`` tokens."""
        self.tell(0)
        while total - self._tokens > 36:
            self._act()
        # What is left, 30 to 36 tokens, is made of moves of 6 and of 7 tokens.
        left = total - self._tokens
        sevens = left % 6
        for index in range(left // 6):
            self._move(self._pick(PEOPLE), LONG_MOVE if index < sevens else MOVES[0])

    def ask(self):
        """Ask for an object whose place can be known, every other time for the one last told of."""
        known = [thing for thing in OBJECTS if thing in self._line]
        latest = max(known, key=lambda thing: max(self._lines_that_tell(thing)))
        thing = self._pick((latest, self._pick(known)))
        holder = self._holder.get(thing)
        room = self._room[holder] if holder else self._place[thing]
        lines = " ".join(str(line) for line in sorted(self._lines_that_tell(thing)))
        self._lines.append("Where is the {}? \t{}\t{}".format(thing, room, lines))

    def _lines_that_tell(self, thing):
        """Return the line that tells who carried the object last, and the one of the room."""
        holder = self._holder.get(thing)
        return self._line[thing], self._room_line[holder] if holder else self._place_line[thing]

    def _pick(self, options):
        return options[self.below(len(options))]

    def _act(self):
        person = self._pick(PEOPLE)
        here = [thing for thing in OBJECTS if self._within_reach(thing, person)]
        held = [thing for thing in OBJECTS if self._holder.get(thing) == person]
        chance = self.below(10)
        if here and chance < 6:
            self._take(person, self._pick(here))
        elif held and chance < 4:
            self._drop(person, self._pick(held))
        else:
            self._move(person, self._pick(MOVES))

    def _within_reach(self, thing, person):
        return thing not in self._holder and self._place[thing] == self._room.get(person)

    def _move(self, person, verb):
        self._room[person] = self._pick([r for r in ROOMS if r != self._room.get(person)])
        self._room_line[person] = self._say(person, verb, self._room[person] + ".")

    def _take(self, person, thing):
        self._holder[thing] = person
        self._line[thing] = self._say(person, self._pick(TAKES), thing + self._pick(ENDS))

    def _drop(self, person, thing):
        del self._holder[thing]
        self._place[thing] = self._room[person]
        self._place_line[thing] = self._room_line[person]
        self._line[thing] = self._say(person, self._pick(DROPS), thing + self._pick(ENDS))

    def _say(self, person, verb, rest):
        sentence = "{} {} the {}".format(person, verb, rest)
        self._lines.append(sentence)
        self._tokens += len(tokens(sentence))
        return len(self._lines)
