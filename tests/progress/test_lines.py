"""What is seen of a run: the same story for a person, a log and a program, and none may lie."""

import io
import json
import re
from dataclasses import replace
from functools import partial

import pytest
from rich.console import Console
from rich.live_render import LiveRender

from launcher_contract import make_job
from made_runs import HOSTILE, events, write_job
from runner.execution.observer import Announcement, Observer, Several
from runner.plan.history import History
from runner.progress.forecast import Forecast
from runner.progress.json_lines import JsonLines
from runner.progress.lines import Lines, Quiet
from runner.progress.live import LiveView
from runner.progress.styles import Style, style_for
from runner.spec.job import Status
from runner.store.events import parse_event
from runner.store.record import Record
from runner.store.run_folder import RunStore
from scripted import stream

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def console(width=80, height=24, **options):
    return Console(**{"file": io.StringIO(), "width": width, "height": height,
                      "force_terminal": False, "_environ": {}, **options})  # fmt: skip


def text_of(console):
    return console.file.getvalue()


@pytest.fixture
def forecast(tmp_path):
    return Forecast(partial(History, tmp_path))


def plan(backends=("theano", "mxnet"), models=("mnist_mlp", "mnist_cnn")):
    return [
        make_job(model, configuration=f"{backend}-k1", backend=backend, epochs=3)
        for backend in backends
        for model in models
    ]


def said(job, events=None):
    lines = stream(start={"model": job.model, "backend": job.backend})
    return [parse_event(line) for line in lines][:events]


def tell(observer, tmp_path, jobs, records=(), builds=()):
    """Tell a whole run: builds, every job's events, and how each ended."""
    observer.run_started(Announcement("a-run", tmp_path, jobs, len(jobs)))
    for number, (name, error) in enumerate(builds, start=1):
        observer.build_started(name, "a title", number, len(builds))
        observer.build_output(name, "Step 7/21 : RUN [bold]something")
        observer.build_ended(name, error)
    for number, (job, record) in enumerate(zip(jobs, records), start=1):
        observer.job_started(job, number, len(jobs))
        for event in said(job):
            observer.job_event(job, event)
        observer.job_ended(job, record)
    observer.run_ended(0)


OK = Record(Status.OK, wall_seconds=12.3)
BAD = Record(Status.FAILED, HOSTILE, wall_seconds=1.0, warnings=[HOSTILE])


@pytest.mark.parametrize("observer", [Lines, Quiet, LiveView])
def test_why_a_build_failed_is_said_once(observer, forecast, tmp_path):
    printed = console()
    shown = observer(printed, forecast) if observer is not Quiet else Quiet(printed)
    jobs = plan(["mxnet"])
    failed = [Record(Status.BUILD_FAILED, "no such package")] * len(jobs)
    tell(shown, tmp_path, jobs, failed, [("mxnet-k1", "no such package")])
    assert text_of(printed).count("no such package") == 1
    assert text_of(printed).count("build-failed") == len(jobs)


# Which of them it is.


@pytest.mark.parametrize(
    ("terminal", "environment", "style"),
    [
        (True, {"TERM": "xterm"}, Style.LIVE),
        (True, {"TERM": "xterm", "CI": "false"}, Style.LIVE),
        (True, {"TERM": "xterm", "CI": "true"}, Style.LINES),
        (True, {"TERM": "dumb"}, Style.LINES),
        (True, {}, Style.LIVE),
        (False, {"TERM": "xterm"}, Style.LINES),
        (False, {"TERM": "xterm", "FORCE_COLOR": "1"}, Style.LINES),
    ],
)
def test_the_style_fits_where_it_is_written(terminal, environment, style):
    class File(io.StringIO):
        def isatty(self):
            return terminal

    made = Console(file=File(), _environ=environment)
    assert style_for(made, environment) is style


# Lines.


def test_lines_tell_the_whole_story(forecast, tmp_path):
    made = console()
    tell(Lines(made, forecast), tmp_path, plan()[:2], [OK, BAD], [("theano-k1", None)])
    text = text_of(made)
    assert "theano-k1: a title\n  Step 7/21 : RUN [bold]something\n" in text
    assert "[1/2] theano-k1.theano.mnist_mlp.1\n  epoch 1/3: 9 s, loss 1.0000" in text
    assert "  ok in 12.3 s\n" in text
    assert "  failed in 1.0 s: " in text


@pytest.mark.parametrize("observer", [Lines, LiveView])
def test_a_job_that_predicts_has_no_loss_to_tell(observer, forecast, tmp_path):
    """Its first epoch ended all progress."""
    made = console()
    shown = observer(made, forecast)
    [job] = plan()[:1]
    shown.run_started(Announcement("a-run", tmp_path, [job], 1))
    shown.job_started(job, 1, 1)
    nothing = dict.fromkeys(("loss", "accuracy", "val_loss", "val_accuracy"))
    for event in map(parse_event, stream(epoch=nothing)):
        shown.job_event(job, event)
        if observer is LiveView:
            made.print(shown)
    shown.job_ended(job, OK)
    assert "loss" not in text_of(made)
    assert "2 s" in text_of(made)


def tell_two_at_once(observer, tmp_path, jobs):
    """Tell of two jobs, each on a card: the second begins beside the first and ends before it."""
    observer.run_started(Announcement("a-run", tmp_path, jobs, len(jobs), lanes=2))
    for number, job in enumerate(jobs, start=1):
        observer.job_started(job, number, len(jobs))
    for both in zip(*map(said, jobs), strict=True):
        for job, event in zip(jobs, both, strict=True):
            observer.job_event(job, event)


def test_of_jobs_that_run_at_the_same_time_each_line_names_its_own(forecast, tmp_path):
    made, jobs = console(width=200), plan()[:2]
    lines = Lines(made, forecast)
    tell_two_at_once(lines, tmp_path, jobs)
    for job, record in zip(jobs, (BAD, OK), strict=True):
        lines.job_ended(job, record)
    first, second = (job.id for job in jobs)
    told = [line.strip() for line in text_of(made).splitlines()]
    assert told[:2] == [f"[1/2] {first}", f"[2/2] {second}"]
    for name in (first, second):
        assert sum(line.startswith(f"{name}: epoch") for line in told) == 3
    assert f"{second}: ok in 12.3 s" in told
    assert all(line.startswith((f"{first}: ", f"{second}: ")) for line in told[2:])


def test_lines_stay_one_line_on_a_narrow_pipe(forecast, tmp_path):
    made = console(width=20)
    tell(Lines(made, forecast), tmp_path, plan()[:1], [OK])
    assert "epoch 3/3: 4 s, loss 1.0000, validation accuracy 0.9000\n" in text_of(made)


def test_the_time_left_is_said_now_and_then(tmp_path):
    clock, made = Clock(), console()
    forecast = Forecast(partial(History, tmp_path), clock)
    lines = Lines(made, forecast, clock)
    jobs = [make_job(configuration="mxnet-k1", repeat=n, epochs=3) for n in range(1, 9)]
    for observer in (forecast, lines):
        observer.run_started(Announcement("a-run", tmp_path, jobs, 8))
    for number, job in enumerate(jobs, start=1):
        for observer in (forecast, lines):
            observer.job_started(job, number, 8)
        for event in said(job):
            clock.now += 10 if event.event == "epoch" else 0
            forecast.job_event(job, event)
        for observer in (forecast, lines):
            observer.job_ended(job, OK)
    assert text_of(made).count("time left: about") == 4


@pytest.mark.parametrize("kind", ["lines", "live", "quiet"])
def test_what_a_job_says_never_reaches_the_terminal_raw(kind, forecast, tmp_path):
    made = console(width=4000)
    observer = {"lines": Lines, "live": LiveView}.get(kind, lambda c, _: Quiet(c))(made, forecast)
    tell(observer, tmp_path, plan()[:1], [BAD], [("theano-k1", HOSTILE)])
    text = text_of(made)
    assert not CONTROL.search(text)
    assert "\\x1b[31mred" in text
    assert len([line for line in text.splitlines() if "failed" in line]) >= 1


def test_without_colour_there_is_none_and_forced_there_is(forecast, tmp_path):
    plain = console(_environ={"NO_COLOR": "1", "TERM": "xterm-256color"}, force_terminal=True)
    forced = Console(file=io.StringIO(), width=80,
                     _environ={"FORCE_COLOR": "1", "TERM": "xterm-256color"})  # fmt: skip
    for made in (plain, forced):
        tell(Lines(made, forecast), tmp_path, plan()[:1], [OK])
    colours = re.compile(r"\x1b\[[0-9;]*3\d")
    assert not colours.search(text_of(plain))
    assert colours.search(text_of(forced))


# Quiet.


def test_quiet_says_only_what_went_wrong(forecast, tmp_path):
    made = console()
    tell(Quiet(made), tmp_path, plan()[:1], [OK], [("theano-k1", None)])
    assert text_of(made) == ""
    broken = Record(Status.FAILED, "it broke", wall_seconds=1.0)
    tell(Quiet(made), tmp_path, plan()[:1], [broken], [("theano-k1", "no such package")])
    assert text_of(made).splitlines() == [
        "theano-k1: the build failed: no such package",
        "theano-k1.theano.mnist_mlp.1: failed in 1.0 s: it broke",
    ]


def test_unsupported_is_nothing_that_went_wrong(tmp_path):
    made = console()
    tell(Quiet(made), tmp_path, plan()[:1], [Record(Status.UNSUPPORTED, "it cannot")])
    assert text_of(made) == ""


# JSON.


def tell_two_builds_at_once(observer):
    for number, name in enumerate(["mxnet-k1", "theano-k1"], start=1):
        observer.build_started(name, "a title", number, 2)
    for name in ("theano-k1", "mxnet-k1"):
        observer.build_output(name, f"Step 1/9 : RUN a [step] of {name}")


def test_the_steps_of_builds_that_go_on_at_the_same_time_are_not_mixed(forecast, view, clock):
    stream, made = io.StringIO(), console()
    tell_two_builds_at_once(JsonLines(stream, forecast))
    told = [json.loads(line) for line in stream.getvalue().splitlines()][2:]
    assert [(line["configuration"], line["line"]) for line in told] == [
        (name, f"Step 1/9 : RUN a [step] of {name}") for name in ("theano-k1", "mxnet-k1")
    ]
    lines = Lines(made, forecast)
    tell_two_builds_at_once(lines)
    lines.build_ended("mxnet-k1", None)
    lines.build_output("theano-k1", "the last step")
    assert text_of(made).splitlines()[2:] == [
        "  theano-k1: Step 1/9 : RUN a [step] of theano-k1",
        "  mxnet-k1: Step 1/9 : RUN a [step] of mxnet-k1",
        "  theano-k1: the last step",
    ]
    tell_two_builds_at_once(view)
    clock.now += 9
    shown = drawn(view)
    for number, name in enumerate(["mxnet-k1", "theano-k1"], start=1):
        at = shown.index(f"environment {number}/2 {name}  step 1/9  0:09")
        assert shown[at + 1] == f"  RUN a [step] of {name}"
    view.build_ended("mxnet-k1", None)
    assert not any("environment 1/2" in line for line in drawn(view))
    assert any("environment 2/2" in line for line in drawn(view))


def test_every_json_line_is_an_event_of_the_run(forecast, tmp_path):
    stream = io.StringIO()
    tell(JsonLines(stream, forecast), tmp_path, plan()[:2], [OK, BAD], [("theano-k1", HOSTILE)])
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [
        "run_started", "build_started", "build", "build_ended",
        "job_started", "epoch", "epoch", "epoch", "job_ended",
        "job_started", "epoch", "epoch", "epoch", "job_ended", "run_ended",
    ]  # fmt: skip
    assert {line["schema"] for line in lines} == {2}
    assert {line["run"] for line in lines} == {"a-run"}
    by_event = {line["event"]: line for line in reversed(lines)}
    assert by_event["epoch"]["job"] == "theano-k1.theano.mnist_mlp.1"
    assert (by_event["epoch"]["seconds"], by_event["epoch"]["epochs"]) == (9.0, 3)
    assert by_event["job_ended"]["seconds_per_epoch"] == 3.0
    assert by_event["job_ended"]["seconds_left"] == 0
    assert by_event["build_ended"]["error"] == HOSTILE
    assert by_event["run_ended"]["statuses"] == {"ok": 1, "failed": 1}
    failed = lines[-2]
    assert (failed["status"], failed["reason"], failed["seconds_per_epoch"]) == (
        "failed", HOSTILE, None,
    )  # fmt: skip


def test_the_seconds_of_jobs_that_run_at_the_same_time_are_not_mixed(forecast, tmp_path):
    stream, jobs = io.StringIO(), plan()[:2]
    observer = JsonLines(stream, forecast)
    tell_two_at_once(observer, tmp_path, jobs)
    slow = parse_event(json.dumps(
        {"event": "epoch", "schema": 1, "epoch": 4, "seconds": 50, "samples": 8, "loss": 1,
         "accuracy": 0, "val_loss": 1, "val_accuracy": 0}).encode())  # fmt: skip
    observer.job_event(jobs[0], slow)
    for job in reversed(jobs):
        observer.job_ended(job, OK)
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {line["job"] for line in told if line["event"] == "epoch"} == {job.id for job in jobs}
    ended = [line for line in told if line["event"] == "job_ended"]
    assert [(line["job"], line["seconds_per_epoch"]) for line in ended] == [
        (jobs[1].id, 3.0), (jobs[0].id, 4.0),
    ]  # fmt: skip


def test_a_loss_that_is_no_number_is_still_json(forecast, tmp_path):
    stream = io.StringIO()
    observer = JsonLines(stream, forecast)
    line = {"event": "epoch", "schema": 1, "epoch": 1, "seconds": 1, "samples": 8, "loss": "NaN",
            "accuracy": 0, "val_loss": "Infinity", "val_accuracy": 0}  # fmt: skip
    observer.job_event(make_job(), parse_event(json.dumps(line).encode()))
    told = json.loads(stream.getvalue(), parse_constant=lambda name: pytest.fail(name))
    assert (told["loss"], told["val_loss"]) == ("NaN", "Infinity")


# The live view.


def drawn(view, width=80, height=24, **options):
    """Return the view's lines as a terminal of that size shows them."""
    made = console(width, height, **options)
    lines = made.render_lines(LiveRender(view), made.options, pad=False)
    return ["".join(segment.text for segment in line).rstrip() for line in lines]


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def view(tmp_path, clock):
    return LiveView(console(), Forecast(partial(History, tmp_path), clock), clock)


def test_a_build_shows_its_step_and_seconds(view, tmp_path, clock):
    view.run_started(Announcement("a-run", tmp_path, plan(), 4))
    view.build_started("theano-k1", "a title", 1, 2)
    view.build_output("theano-k1", "Step 7/21 : RUN pip install \x1b[31mthings")
    clock.now += 43
    lines = drawn(view)
    assert "environment 1/2 theano-k1  step 7/21  0:43" in lines
    assert "  RUN pip install \\x1b[31mthings" in lines


def test_a_job_shows_its_phase_and_its_last_epoch(view, tmp_path, clock):
    job, *_ = jobs = plan()
    view.run_started(Announcement("a-run", tmp_path, jobs, 4))
    view.job_started(job, 1, 4)
    clock.now += 65
    phases = []
    for event in said(job):
        phases.append(drawn(view)[1].split("  ")[1])
        view.job_event(job, event)
    assert phases == [
        "starting", "loading data", "building the model", "first epoch", "epoch 2", "epoch 3",
        "test and limits",
    ]  # fmt: skip
    assert "[1/4] theano-k1 theano mnist_mlp  ending  1:05" in drawn(view)
    assert "  ######################## 3/3 epochs  last 4 s, loss 1.0000" in drawn(view)


def test_jobs_that_run_at_the_same_time_are_shown_each(view, tmp_path, clock):
    jobs = plan()[:2]
    tell_two_at_once(view, tmp_path, jobs)
    heads = [line for line in drawn(view) if line.startswith("[")]
    assert heads == [
        "[1/2] theano-k1 theano mnist_mlp  ending  0:00",
        "[2/2] theano-k1 theano mnist_cnn  ending  0:00",
    ]
    view.job_ended(jobs[0], OK)
    lines = drawn(view)
    assert [line[:5] for line in lines if line.startswith("[")] == ["[2/2]"]
    assert any(line.split() == ["mnist_mlp", "3"] for line in lines)
    assert any(line.split() == ["mnist_cnn", ">"] for line in lines)


def test_the_table_grows(view, tmp_path):
    jobs = plan()
    tell(view, tmp_path, jobs, [OK, Record(Status.OOM, "too large")])
    view.job_started(jobs[2], 3, 4)
    lines = drawn(view)
    mlp = next(line for line in lines if line.lstrip().startswith("mnist_mlp"))
    cnn = next(line for line in lines if line.lstrip().startswith("mnist_cnn"))
    assert mlp.split() == ["mnist_mlp", "3", ">"]
    assert cnn.split() == ["mnist_cnn", "oom", "."]
    assert any(line.startswith("2 of 4 jobs done, 1 not ok, ") for line in lines)


def test_the_table_shows_the_longest_epochs_of_a_cell(view, tmp_path):
    """A run with a budget begins with a few steps; their seconds were mixed with the others'."""
    short = plan()[0]
    tell(view, tmp_path, [short], [OK])
    assert any(line.split() == ["mnist_mlp", "3"] for line in drawn(view))
    long = replace(short, samples=short.samples * 10, repeat=2)
    view.job_started(long, 2, 2)
    for event in said(long):
        view.job_event(long, event.model_copy(update={"seconds": 40.0}))
    view.job_ended(long, OK)
    assert any(line.split() == ["mnist_mlp", "40"] for line in drawn(view))


def test_a_resumed_runs_table_holds_what_had_ended_before(view, tmp_path):
    jobs = plan(backends=("mxnet",))
    store = RunStore.create(tmp_path, {})
    write_job(store, jobs[0], events(jobs[0]))
    view.run_started(Announcement(store.name, store.folder, jobs[1:], 2))
    view.job_started(jobs[1], 2, 2)
    lines = drawn(view)
    assert any(line.startswith("1 of 2 jobs done, ") for line in lines)
    rows = [line.split() for line in lines]
    assert ["mnist_mlp", "3"] in rows
    assert ["mnist_cnn", ">"] in rows


MANY = plan(tuple(f"backend{n}" for n in range(9)), ("mnist_mlp", "mnist_cnn", "cifar10_cnn",
                                                     "mnist_hrnn", "babi_rnn"))  # fmt: skip


def test_it_fits_every_terminal(view, tmp_path):
    tell(view, tmp_path, MANY, [OK] * 4)
    view.job_started(MANY[4], 5, 45)
    view.build_started("a-name-" * 10, "a title", 1, 2)
    for width in (10, 20, 40, 80, 120, 200):
        for height in (2, 3, 5, 8, 24, 60):
            lines = drawn(view, width, height)
            assert len(lines) <= height, (width, height)
            assert max(map(len, lines)) <= width, (width, height)


def test_too_wide_a_table_is_turned_and_too_long_a_one_cut(view, tmp_path):
    tell(view, tmp_path, MANY, [OK] * 4)
    wide, narrow, short = drawn(view, 200, 40), drawn(view, 80, 40), drawn(view, 80, 12)
    assert any(line.split()[:1] == ["mnist_mlp"] for line in wide)
    assert any(line.split()[:1] == ["backend8-k1/backend8"] for line in narrow)
    assert len(short) == 12
    assert short[-1].strip() == "..."


def test_plain_lines_of_the_past_stay_and_the_screen_is_left_as_it_was(tmp_path):
    made = console(force_terminal=True, _environ={"TERM": "xterm"})
    with LiveView(made, Forecast(partial(History, tmp_path))) as view:
        tell(view, tmp_path, plan()[:2], [OK, Record(Status.FAILED, "it broke")],
             [("theano-k1", None)])  # fmt: skip
    raw = text_of(made)
    assert raw.index("\x1b[?25l") < raw.index("\x1b[?25h")
    assert raw.count("\x1b[?25l") == 1
    assert "\x1b[?1049h" not in raw
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw)
    assert "[1/2] theano-k1.theano.mnist_mlp.1: ok in 12.3 s, 3 s per epoch" in plain
    assert "[2/2] theano-k1.theano.mnist_cnn.1: failed: it broke" in plain


def test_an_interrupt_gives_the_cursor_back(tmp_path):
    made = console(force_terminal=True, _environ={"TERM": "xterm"})
    with (
        pytest.raises(KeyboardInterrupt),
        LiveView(made, Forecast(partial(History, tmp_path))) as view,
    ):
        view.run_started(Announcement("a-run", tmp_path, plan(), 4))
        raise KeyboardInterrupt
    raw = text_of(made)
    assert raw.rindex("\x1b[?25h") > raw.rindex("0 of 4 jobs done")
    assert raw.endswith("\x1b[2K")


# Together.


def test_one_that_breaks_is_left_out_and_the_others_go_on(forecast, tmp_path):
    class Broken(Observer):
        left = False

        def note(self, text):
            raise BrokenPipeError("the pipe is closed")

        def __exit__(self, *error):
            self.left = True

    broken, made = Broken(), console()
    complaints: list[str] = []
    both = Several([broken, Lines(made, forecast)], complaints.append)
    with both:
        both.note("one")
        assert broken.left
        both.note("two")
    assert text_of(made) == "one\ntwo\n"
    assert len(complaints) == 1
    assert "the pipe is closed" in complaints[0]
