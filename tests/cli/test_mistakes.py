"""Mistakes on the command line of ``run``, ``compare``, ``list`` and ``show``: one line, and exit code 2."""

from pathlib import Path

import pytest

from stepbench.engine.loop import Loop


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["run", "rosenbrok"], "no problem rosenbrok (did you mean rosenbrock, mgh/rosenbrock"),
        (["run", "rosenbrock", "--method", "cswag"], "no method cswag (did you mean csawg"),
        (["run", "rosenbrock", "--method", "csawg", "--KK", "2"], "--KK"),
        (["run", "rosenbrock", "--method", "csawg", "--budgt", "2"], "--budget"),
        (["run", "rosenbrock:bb=1"], "no field bb"),
        (["run", "rosenbrock", "--method", "csawg", "--K", "0"], "K=0 must be an integer in [1, inf)"),
        (["run", "rosenbrock", "--method", "csawg", "--K", "2,5"], "K=2,5 must be an integer"),
        (["run", "rosenbrock", "--lr", "nan"], "lr=nan must be a number in (0, inf)"),
        (["run", "rosenbrock", "--start", "1"], "start must have 2 numbers"),
        (["run", "rosenbrock", "--start", "a,b"], "must be numbers with commas"),
        (["run", "rosenbrock", "--budget", "0"], "budget must be an integer of at least 1"),
        (["run", "rosenbrock", "--budget", "many"], "--budget"),
        (["run", "rosenbrock", "--target", "nan"], "target must be"),
        (["run", "rosenbrock", "--noise", "-1"], "noise must be"),
        (["run", "rosenbrock", "--plot", "a.jpg"], "must end in .png, .svg, .pdf or .pgf"),
        (["run", "rosenbrock", "--plot", "no/such/folder/a.png"], "cannot be written: No such file or directory"),
        (["run", "rosenbrock", "--table", "a.txt"], "--table a.txt must end in .tex, .md or .csv"),
        (["run", "rosenbrock", "--table", "no/such/folder/a.md"], "--table no/such/folder/a.md cannot be written"),
        (["run", "rosenbrock", "--table", "a.csv", "--csv", "./a.csv"], "--table and --csv would both write to a.csv"),
        (["run", "rosenbrock", "--csv", "no/such/folder/a.csv"], "cannot be written"),
        (["compare", "rosenbrock", "gd", "adm"], "no method adm (did you mean adam"),
        (["compare", "rosenbrock"], "METHODS"),
        (["show", "cswag"], "nothing is called cswag (did you mean csawg"),
        (["list", "problem"], "no group problem (did you mean problems?)"),
        (["swep"], "Did you mean 'sweep'? stepbench --help lists the commands"),
        (["study", "shwo"], "Did you mean 'show'? stepbench study --help lists the commands"),
        (["qqqq"], "No such command 'qqqq'. stepbench --help lists the commands"),
        (["run", "rosenbrock", "--method", ""], "not a spec"),
        (["run", "rosenbrock", "--method"], "--method"),
        (["run", "rosenbrock", "--json", "--csv", "-"], "both write to standard output"),
        (["run", "rosenbrock", "--method", "sls", "--per", "component"], "cannot have one step size per component"),
        (["run", "rosenbrock", "--noise", "1", "--method", "scipy:bfgs"], "needs exact values"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2_before_anything_runs(stepbench_cli, args, says):
    code, out, err = stepbench_cli(*args)
    assert code == 2
    assert out == ""
    assert err.startswith("stepbench: ")
    assert len(err.splitlines()) == 1
    assert says.lower() in err.lower()


def test_an_unwritable_file_is_found_before_the_run_and_a_writable_one_is_not_touched(stepbench_cli, monkeypatch):
    def never(*_, **__):
        raise AssertionError("it ran")

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "run", never)
        with pytest.raises(AssertionError, match="it ran"):
            stepbench_cli("run", "rosenbrock", "--plot", "picture.png")
        code, out, err = stepbench_cli("run", "rosenbrock", "--plot", "/proc/picture.png")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "/proc/picture.png cannot be written" in err
    Path("kept.png").write_text("mine")
    assert stepbench_cli("run", "rosenbrock", "--budget", "0", "--plot", "kept.png")[0] == 2
    assert Path("kept.png").read_text() == "mine"
    assert stepbench_cli("run", "rosenbrock", "--budget", "0", "--plot", "new.png")[0] == 2
    assert not Path("new.png").exists()
