"""The tables that a person sees, also where no job came to an end."""

from launcher_contract import make_job
from made_runs import write_job
from runner.report.contents import Report
from runner.report.terminal import print_report
from runner.spec.job import Status
from runner.store.run_folder import RunStore
from runner.tables.load import load_runs


def test_a_run_whose_every_job_failed_has_its_report(tmp_path, capsys):
    store = RunStore.create(tmp_path, {})
    write_job(store, make_job(), [], status=Status.FAILED, reason="it fell over")
    table = load_runs(store.folder)
    print_report(Report.of(table))
    said = capsys.readouterr().out
    assert "it fell over" in said
    assert "Distance to the limit" not in said
