"""What is shared of a run says nothing of whose it is, and is the run for all that."""

import json
import re
import shutil
import zipfile

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some

import runner
from launcher_contract import make_job
from made_runs import events, write_job
from runner import paths
from runner.cli.app import main
from runner.errors import ExitCode
from runner.share.write import make_pack, table_csv, write_pack
from runner.spec.job import Status
from runner.store.run_folder import RunStore
from runner.store.scrub import Names, Scrubber, machine_names
from runner.tables.columns import COLUMNS
from steady_runs import steady_run

USER, HOST, NODE = "mallory", "gpubox7", "gpubox7.lab.example.org"
CARD = "GPU-8a9f0c1e-1234-5678-9abc-def012345678"
# Each is planted in several places, and must be in none of a pack.
SECRETS = [
    USER, HOST, NODE, CARD, "/home/mallory/data", "bob", "/scratch/x", "10.1.2.3", "192.168.7.8",
    "fe80::1c2d:3e4f", "52:54:00:12:34:56", "m.allory@example.org", "registry.corp.example:5000",
    "https://user:pw@index.example.org/simple", "project-x17", "secretwheels", r"C:\Users\eve",
    "strange-program",
]  # fmt: skip
TEXT = (
    f"{USER}@{HOST}: cannot open /home/{USER}/data/x.npz, nor /home/bob/y (tried 10.1.2.3:8080 and "
    "[fe80::1c2d:3e4f], link 52:54:00:12:34:56); ask m.allory@example.org or see "
    "https://user:pw@index.example.org/simple; registry.corp.example:5000/keras:1 on "
    f"{NODE.upper()} used {CARD} and C:\\Users\\eve\\z"
)


@pytest.fixture(autouse=True)
def mallory(monkeypatch, tmp_path):
    """Be another user on another machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("runner.store.scrub.getpass.getuser", lambda: USER)
    monkeypatch.setattr("runner.store.scrub.socket.gethostname", lambda: HOST)
    monkeypatch.setattr("runner.store.scrub.socket.getfqdn", lambda: NODE)
    monkeypatch.setattr("runner.store.scrub.paths.home", lambda: None)
    for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER", "HOSTNAME"):
        monkeypatch.delenv(name, raising=False)


def planted_run(root, name=None):
    """Write a run that names its user, its machine, paths and addresses wherever it can."""
    arguments = ["--config", "tf-k3", "--engine=ssh://mallory@gpubox7", "--account", "project-x17",
                 "--wheels", "secretwheels", "--base-image", "registry.corp.example:5000/x:1",
                 "--results", "data/mallory"]  # fmt: skip
    manifest = {
        "arguments": arguments,
        "request": {"account": "project-x17", "engine": "tcp://10.1.2.3:2375", "repeats": 2,
                    "wheels": "/home/mallory/secretwheels", "device": "cpu"},
        "sessions": [{"arguments": arguments, "started": "2026-01-02T03:04:00+00:00"}],
        "environments": {"tf-k3": {"variables": f"PATH=/home/{USER}/bin:/usr/bin; X={HOST}",
                                   "base_repo_digest": "registry.corp.example:5000/u@sha256:00"}},
        "identity": {"git_commit": "c" * 40, "kernel": "6.1.0-gpubox7", "cpu_model": "a processor"},
    }  # fmt: skip
    store = RunStore.create(root, manifest, name)
    good = make_job("mnist_mlp", configuration="tf-cntk-k208", backend="tensorflow")
    told = {"variables": f"PATH=/home/{USER}/bin", "node": NODE, "lock_sha256": "1" * 64}
    strangers = json.dumps(
        {
            "at": 1,
            "seconds": 1.0,
            "foreign_load": 0.1,
            "cpu_mhz": 2000.0,
            "gpu": None,
            "strangers": [{"pid": 7, "name": "strange-program"}],
        }
    )
    write_job(store, good, events(good), log=TEXT.encode(), samples=[strangers], identity=told,
              device_uuid=CARD, warnings=[TEXT])  # fmt: skip
    bad = make_job("mnist_cnn", configuration="tf-cntk-k208", backend="cntk")
    said = [json.dumps({"schema": 1, "event": "error", "type": USER, "message": TEXT}).encode()]
    write_job(store, bad, [*events(bad)[:2], *said], status=Status.FAILED, reason=TEXT,
              identity=told)  # fmt: skip
    return store.folder


def shared(folder, tmp_path, *options):
    """Return the pack that the command makes of a run."""
    path = tmp_path / "out.run.zip"
    assert main(["share", str(folder), "--output", str(path), *options]) == ExitCode.OK
    return path


def whole(path):
    """Return all that a pack says, names of files too."""
    with zipfile.ZipFile(path) as archive:
        return "\n".join(part for n in archive.namelist() for part in (n, archive.read(n).decode()))


@pytest.mark.parametrize("options", [[], ["--with-logs"]])
def test_nothing_of_what_is_planted_is_in_a_pack(tmp_path, options):
    text = whole(shared(planted_run(tmp_path / "runs", f"{USER}-nightly"), tmp_path, *options))
    found = [secret for secret in SECRETS if secret.lower() in text.lower().replace("\\\\", "\\")]
    assert found == []
    assert ("log.txt" in text) == bool(options)


def test_what_is_measured_is_the_same_in_a_pack(tmp_path):
    folder = planted_run(tmp_path / "runs")
    before, after = runner.load(folder), runner.load(shared(folder, tmp_path))
    # Paths and names may stand in these alone.
    told = {"run", "reason", "node", "variables", "device_uuid", "base_repo_digest", "kernel"}
    for name in set(COLUMNS) - told:
        pd.testing.assert_series_equal(before[name], after[name])
    assert after["node"].dropna().unique().tolist() == ["[host 2]"]
    assert re.fullmatch(r"card-[0-9a-f]{12}", after["device_uuid"].dropna().iloc[0])


def test_it_says_what_was_taken_out_and_the_pack_says_how_much(tmp_path, capsys):
    path = shared(planted_run(tmp_path / "runs"), tmp_path)
    said = capsys.readouterr().out.replace("\n", " ")
    for kind in ("address", "card", "host name", "option", "path", "user name"):
        assert re.search(rf"taken out, {kind} \(\d+ times\): ", said), kind
    with zipfile.ZipFile(path) as archive:
        told = json.loads(archive.read("PACK.json"))
    assert told["taken_out"]["user name"] > 3
    assert USER not in json.dumps(told)


def test_the_licence_and_the_citation_go_with_it(tmp_path, capsys):
    folder = steady_run(tmp_path / "runs")
    path = shared(folder, tmp_path, "--licence", "CC0-1.0", "--by", "A. Author")
    with zipfile.ZipFile(path) as archive:
        text = archive.read("README.txt").decode()
    cited = "A. Author (2026). Timings of Keras backends (tf-cntk-k208) on a processor, run "
    assert text.startswith(cited + folder.name)
    assert "Licence: CC0-1.0" in text
    assert cited in capsys.readouterr().out.replace("\n", " ")


def test_a_name_that_is_a_word_of_the_table_stays_and_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("runner.store.scrub.getpass.getuser", lambda: "cntk")
    path = shared(steady_run(tmp_path / "runs"), tmp_path)
    assert "still there: 'cntk' is a word of the table" in capsys.readouterr().err
    assert set(runner.load(path)["backend"]) == {"tensorflow", "cntk"}


def test_a_run_that_goes_on_is_not_shared(tmp_path, capsys):
    folder = steady_run(tmp_path / "runs")
    with RunStore(folder).hold():
        assert main(["share", str(folder)]) == ExitCode.USAGE
    assert "share it when it has ended" in capsys.readouterr().err


def test_a_run_whose_figures_would_change_is_not_shared(tmp_path, capsys, monkeypatch):
    versions = {"keras": "/opt/keras", "python": "3.6.15", "tensorflow": "1.0", "cntk": "1.0"}
    folder = steady_run(tmp_path / "runs", events={"start": {"versions": versions}})
    monkeypatch.chdir(tmp_path)
    assert main(["share", str(folder)]) == ExitCode.USAGE
    assert "stands in its 'keras_version'" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.zip"))


def test_a_pack_lies_here_under_the_name_of_its_run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = steady_run(tmp_path / "runs")
    assert main(["share", str(folder)]) == ExitCode.OK
    assert (tmp_path / f"{folder.name}.run.zip").is_file()
    assert re.search(r"sha256: [0-9a-f]{64}\n", capsys.readouterr().out)


def test_versions_with_four_numbers_are_no_addresses():
    scrubber = Scrubber(Names(frozenset(), ()))
    told = {"versions": {"keras": "1.2.2.1"}, "at": "10.0.0.1", "when": "12:34:56", "x": 1.5}
    assert scrubber.value(told) == {**told, "at": "[address]"}


@pytest.mark.parametrize("text", [
    "cudnn 8.9.2, driver 535.161.07", "s/epoch 1/2 and/or", "2026-01-02T03:04:05+00:00",
    "sha256:0123456789abcdef", "std::vector<a::b>", "a -> b", "50 % / 3", "Tesla K80 (GPU-0)",
    "docker.io/library/ubuntu:16.04", "TF_XLA_FLAGS=--x=1",
])  # fmt: skip
def test_what_is_nobodys_stays(text):
    assert Scrubber(Names(frozenset({USER}), (HOST,))).text(text) == text


@given(some.text(max_size=30), some.text(max_size=30))
def test_a_name_never_stands_as_a_word_whatever_is_around_it(before, after):
    found = Scrubber(Names(frozenset({USER}), (HOST,))).text(f"{before} {USER} {HOST} {after}")
    assert not re.search(rf"(?<![A-Za-z0-9])({USER}|{HOST})(?![A-Za-z0-9])", found, re.IGNORECASE)


def test_this_machines_names_are_known(monkeypatch):
    monkeypatch.undo()
    users, hosts = machine_names()
    assert users
    assert hosts


def test_verify_says_that_the_rows_of_a_run_derive_from_its_events(tmp_path, capsys):
    folder = steady_run(tmp_path / "runs")
    assert main(["verify", str(folder)]) == ExitCode.OK
    assert "it keeps no table.csv" in capsys.readouterr().out
    (folder / "table.csv").write_bytes(table_csv(runner.load(folder)))
    assert main(["verify", str(folder), str(shared(folder, tmp_path))]) == ExitCode.OK
    said = capsys.readouterr().out
    assert said.count("the 60 rows of table.csv derive from the events") == 2
    assert "files are as they were packed" in said


def test_a_row_that_the_events_do_not_give_is_told(tmp_path, capsys):
    folder = steady_run(tmp_path / "runs")
    table = runner.load(folder)
    table.loc[3, "seconds"] = 0.01
    (folder / "table.csv").write_bytes(table_csv(table))
    assert main(["verify", str(folder)]) == ExitCode.JOBS_NOT_OK
    said = capsys.readouterr().err.replace("\n", " ")
    assert re.search(r"job \S+, epoch 4: seconds is '0.01', the events give '[\d.]+'", said)


def test_rows_that_are_missing_are_told(tmp_path, capsys):
    folder = steady_run(tmp_path / "runs")
    (folder / "table.csv").write_bytes(table_csv(runner.load(folder).iloc[:-2]))
    assert main(["verify", str(folder)]) == ExitCode.JOBS_NOT_OK
    assert "58 rows are kept, the events give 60" in capsys.readouterr().err


def test_a_table_of_an_older_version_is_held_against_the_columns_it_has(tmp_path, capsys):
    folder = steady_run(tmp_path / "runs")
    (folder / "table.csv").write_bytes(table_csv(runner.load(folder).drop(columns=["size"])))
    assert main(["verify", str(folder)]) == ExitCode.OK


def test_a_job_whose_events_were_changed_is_told(tmp_path, capsys):
    folder = steady_run(tmp_path / "runs")
    (folder / "table.csv").write_bytes(table_csv(runner.load(folder)))
    first = min(folder.glob("jobs/*/events.jsonl"))
    first.write_text("".join(first.read_text().splitlines(keepends=True)[:-1]))
    assert main(["verify", str(folder)]) == ExitCode.JOBS_NOT_OK
    assert "damaged" in capsys.readouterr().err


def test_kept_runs_derive_from_their_events():
    kept = sorted(path for path in paths.MEASURED.iterdir() if path.is_dir())
    assert kept
    assert main(["verify", *map(str, kept)]) == ExitCode.OK


def test_nothing_is_left_of_a_pack_that_cannot_be_written(tmp_path, capsys):
    folder = steady_run(tmp_path / "runs")
    path = tmp_path / "missing" / "out.run.zip"
    assert main(["share", str(folder), "--output", str(path)]) != ExitCode.OK
    assert "cannot be written" in capsys.readouterr().err


def test_a_pack_can_be_shared_again(tmp_path):
    folder = planted_run(tmp_path / "runs")
    first = tmp_path / "first.run.zip"
    write_pack(make_pack(folder, False, "CC0-1.0", None), first)
    again = shared(first, tmp_path)
    pd.testing.assert_frame_equal(runner.load(first), runner.load(again))
    shutil.rmtree(folder)
    assert main(["verify", str(again)]) == ExitCode.OK


def test_a_table_that_no_reader_takes_is_named_in_a_line(tmp_path, capsys):
    """Python's reader of CSV takes no field of more than 131,072 characters."""
    run = steady_run(tmp_path)
    (run / "table.csv").write_text("run,job\n" + "x" * 200_000 + ",1\n")
    assert main(["verify", run.name, "--results", str(tmp_path)]) == ExitCode.USAGE
    error = capsys.readouterr().err
    assert "table.csv: is no table: field larger than field limit" in error.replace("\n", "")
    assert "Traceback" not in error
