"""The command line as its users meet it: tables, pipes, pictures, and every mistake."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import stepbench
from stepbench import cli

RUN = (sys.executable, "-m", "stepbench")


def test_the_main_job(stepbench_cli):
    code, out, err = stepbench_cli("run", "rosenbrock", "--method", "csawg", "--K", "2", "--plot", "csawg.png")
    assert (code, err) == (0, "")
    r = stepbench.run("rosenbrock", "csawg:K=2")
    assert f"{r.steps:,}" in out
    assert f"{r.evals[r.first_at(1e-6)]:,}" in out
    assert "drawn to csawg.png" in out
    assert Path("csawg.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_methods_own_options_are_listed_with_meaning_symbol_bounds_and_default(stepbench_cli):
    code, out, _ = stepbench_cli("run", "rosenbrock", "--method", "csawg", "--help")
    assert code == 0
    for piece in ("--K", "integer in [1, inf)", "[default: 0.001]", "pairs in a buffer", "α: step size", "--budget"):
        assert piece in " ".join(out.replace("│", " ").split()), piece
    _, out, _ = stepbench_cli("run", "rosenbrock", "--method", "amsgrad", "--help")
    assert "--bias-correction" in out
    assert "--K " not in out


def test_options_set_hyper_parameters(stepbench_cli):
    args = ("run", "quadratic", "-m", "adam+l4", "--beta1", "0.5", "--adam.eps", "1e-3", "--tau", "9", "--steps", "5")
    code, out, _ = stepbench_cli(*args, "--json")
    assert code == 0
    method = stepbench.method(json.loads(out)["method"])
    assert (method.direction.beta1, method.direction.eps, method.rule.tau) == (0.5, 1e-3, 9)
    code, out, _ = stepbench_cli("run", "quadratic", "-m", "amsgrad", "--bias-correction", "--steps", "5", "--json")
    assert stepbench.method(json.loads(out)["method"]).direction.bias_correction is True
    code, out, _ = stepbench_cli(
        "run", "rosenbrock", "--method=rdbd:eta=0", "--lr", "1e-4", "--start", "-1,0.5", "--json"
    )
    told = json.loads(out)
    assert told["w"] == stepbench.run("rosenbrock", "gd:lr=1e-4", start=[-1, 0.5]).x[-1].tolist()


def test_json_and_csv_are_clean(stepbench_cli):
    code, out, err = stepbench_cli(
        "compare", "quadratic", "gd", "gd:lr=1", "csawg:lr=9e-4", "--budget", "200", "--json"
    )
    assert (code, err) == (0, "")
    gd, gone, _ = json.loads(out)
    assert gd["status"] == "budget"
    assert gone["status"] == "diverged"
    r = stepbench.run("quadratic", "gd", budget=200)
    assert gd["error"] == r.error[-1]
    assert gd["error_first_at_most"]["1e1"]["iteration"] == r.first_at(10.0)

    code, out, err = stepbench_cli("run", "quadratic", "--method", "adam", "--budget", "20", "--csv", "-")
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    r = stepbench.run("quadratic", "adam", budget=20)
    assert np.array_equal([float(row["w_2"]) for row in rows], r.x[:, 1])
    assert np.array_equal([float(row["error"]) for row in rows], r.error)
    assert rows[0]["step_size_1"] == ""
    stepbench_cli("compare", "quadratic", "gd", "scipy:bfgs", "--budget", "20", "--csv", "all.csv")
    methods = {row["method"] for row in csv.DictReader(Path("all.csv").read_text().splitlines())}
    assert methods == {"gd", "scipy:bfgs"}


def test_a_comparison_marks_the_least_of_each_column_and_tells_what_a_table_hides(stepbench_cli):
    methods = ("gd:lr=0.001", "csawg:K=2,lr=0.001", "csawg-p5:K=10", "polyak", "scipy:nelder-mead", "gd:lr=0.1")
    code, out, _ = stepbench_cli("compare", "rosenbrock", *methods)
    assert code == 0
    best = next(line for line in out.splitlines() if "csawg-p5" in line)
    assert "465 (80)" in best
    assert "0*" in best
    assert "gd:lr=0.1 diverged: the gradient not finite at step 4, step size 0.1" in out
    assert "polyak was told the minimum f*; the others were not" in out
    assert "f: function evaluations" in out
    simplex = next(line for line in out.splitlines() if "nelder-mead" in line)
    assert "f (" in simplex


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140, 200])
def test_a_table_fits_the_terminal(stepbench_cli, monkeypatch, width):
    for args in (("run", "rosenbrock"), ("compare", "rosenbrock", "gd", "csawg:K=2", "csawg-p5:K=10", "scipy:bfgs")):
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, _ = stepbench_cli(*args)
        assert code == 0
        assert max(map(len, out.splitlines())) <= width
        assert "…" not in out or width < 60


def test_list_and_show(stepbench_cli):
    code, out, _ = stepbench_cli("list")
    assert code == 0
    for name in ("rosenbrock", "csawg", "adam", "rdbd", "csawg-p5", "linear-regression", "scipy"):
        assert f"  {name} " in out
    assert len(stepbench_cli("list", "directions")[1].splitlines()) < len(out.splitlines())
    code, out, _ = stepbench_cli("show", "rdbd")
    assert code == 0
    for piece in ("h_t h_{t−1} < 0", "Song & Yang 2023, Algorithm 1", "learning rate of the step size", "η"):
        assert piece in out
    code, out, _ = stepbench_cli("show", "adam+rdbd")
    assert "adam+rdbd is adam:beta1=0.05,beta2=0.99+rdbd:eta=5e-7" in out
    code, out, _ = stepbench_cli("show", "quadratic:kappa=50")
    for piece in ("½ wᵀ Q w", "(-1, 2)", "minimum f*", "condition number 50", "window", "Yao 2022"):
        assert piece in out


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
        (["run", "rosenbrock", "--plot", "a.jpg"], "must end in .png, .svg or .pdf"),
        (["run", "rosenbrock", "--plot", "no/such/folder/a.png"], "cannot be written: No such file or directory"),
        (["run", "rosenbrock", "--csv", "no/such/folder/a.csv"], "cannot be written"),
        (["compare", "rosenbrock", "gd", "adm"], "no method adm (did you mean adam"),
        (["compare", "rosenbrock"], "METHODS"),
        (["show", "cswag"], "nothing is called cswag (did you mean csawg"),
        (["list", "problem"], "no group problem (did you mean problems?)"),
        (["rum"], "rum"),
        (["run", "rosenbrock", "--method", ""], "not a spec"),
        (["run", "rosenbrock", "--method"], "--method"),
        (["run", "rosenbrock", "--json", "--csv", "-"], "both write to standard output"),
        (["run", "rosenbrock", "--method", "sls", "--per", "component"], "cannot have one step size a component"),
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


def test_an_unwritable_file_is_found_before_the_run_and_a_writable_one_is_not_touched(stepbench_cli):
    began = time.monotonic()
    stepbench_cli("run", "rosenbrock", "--budget", "100000000", "--plot", "/proc/picture.png")
    assert time.monotonic() - began < 5
    Path("kept.png").write_text("mine")
    assert stepbench_cli("run", "rosenbrock", "--budget", "0", "--plot", "kept.png")[0] == 2
    assert Path("kept.png").read_text() == "mine"
    assert stepbench_cli("run", "rosenbrock", "--budget", "0", "--plot", "new.png")[0] == 2
    assert not Path("new.png").exists()


def test_divergence_is_a_result(stepbench_cli):
    code, out, err = stepbench_cli("run", "quadratic", "--lr", "1", "--plot", "gone.svg")
    assert (code, err) == (0, "")
    assert "quadratic · gd:lr=1" in out
    assert "diverged: f not finite at step 51, step size 1" in out
    assert "<svg" in Path("gone.svg").read_text()


@pytest.mark.parametrize(
    ("problem", "ending"),
    [
        ("rosenbrock", "svg"),
        ("rosenbrock:dim=5", "png"),
        ("linear-regression:batch=10", "pdf"),
        ("quadratic:angle=45", "png"),
    ],
)
def test_every_kind_of_picture_is_drawn(stepbench_cli, problem, ending):
    magic = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending]
    methods = ("gd:lr=1e-4", "csawg:lr=1e-4", "idbd", "gd:lr=9", "rdbd:per=component")
    assert stepbench_cli("compare", problem, *methods, "--budget", "300", "--plot", f"a.{ending}")[0] == 0
    assert Path(f"a.{ending}").read_bytes()[:4] == magic[:4]
    for method in methods:
        assert stepbench_cli("run", problem, "-m", method, "--budget", "90", "--plot", f"b.{ending}")[0] == 0
        assert Path(f"b.{ending}").read_bytes()[:4] == magic[:4]


def test_colour_is_off_in_a_pipe_and_when_asked():
    plain = {**os.environ, "FORCE_COLOR": "1", "NO_COLOR": "1"}
    out = subprocess.run([*RUN, "run", "quadratic", "--budget", "50"], capture_output=True, text=True, env=plain)
    assert out.returncode == 0
    assert "\x1b[3" not in out.stdout  # bold may stay, colour may not


def test_a_reader_that_goes_away_is_no_error():
    command = " ".join([*RUN, "run", "rosenbrock", "--csv", "-"]) + " | head -1"
    out = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert out.stdout.startswith("method,iteration")
    assert out.stderr == ""


@pytest.mark.parametrize("output", [(), ("--json",), ("--csv", "-")])
def test_ctrl_c_prints_what_there_is_and_exits_130(stepbench_cli, monkeypatch, output):
    def impatient(self, done, total):
        if self.label == "gd" and done > 300:
            raise KeyboardInterrupt

    monkeypatch.setattr(cli.progress.Progress, "__call__", impatient)
    code, out, _ = stepbench_cli("compare", "rosenbrock", "scipy:bfgs", "gd", "adam", *output)
    assert code == 130
    assert "scipy:bfgs" in out
    assert "gd" in out
    assert ("not run: adam" in out) if not output else ("adam" not in out)
    if not output:
        assert "gd failed: interrupted" in out
    assert stepbench_cli("run", "rosenbrock", *output)[0] == 130


def test_a_signal_is_ctrl_c():
    """The real thing, once: the process is told when it has shown its first sign of life."""
    args = [
        "-c",
        "from stepbench import cli; print('up', flush=True); cli.main(['run', 'rosenbrock', '--budget', '100000000'])",
    ]
    process = subprocess.Popen([sys.executable, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_version_and_the_bare_command(stepbench_cli):
    assert stepbench_cli("--version") == (0, stepbench.__version__ + "\n", "")
    code, out, _ = stepbench_cli("--help")
    assert code == 0
    assert "..." not in out.replace("[ARGS]...", "")
    assert stepbench_cli() == (0, out, "")
    for command in ("run", "compare", "list", "show"):
        assert command in out


def test_start_up_imports_only_what_the_command_needs():
    look = "import sys; from stepbench import cli\ntry: cli.main({args})\nexcept SystemExit: pass\nprint(*sys.modules)"
    heavy = {"numpy", "scipy", "matplotlib", "torch"}
    for args, allowed in ((["--help"], set()), (["run", "quadratic", "--budget", "9"], {"numpy"})):
        out = subprocess.run([sys.executable, "-c", look.format(args=args)], capture_output=True, text=True, check=True)
        assert heavy & set(out.stdout.splitlines()[-1].split()) == allowed


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1"])
def test_a_terminal_that_knows_no_greek_gets_a_question_mark_and_no_traceback(encoding):
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    for args in (["list"], ["show", "rdbd"], ["run", "rosenbrock", "--budget", "9"], ["run", "rosenbrock", "--help"]):
        out = subprocess.run([*RUN, *args], capture_output=True, env=env)
        assert (out.returncode, out.stderr) == (0, b"")


def test_a_disk_that_fills_up_is_a_line_and_not_a_traceback():
    command = " ".join([*RUN, "run", "quadratic", "--budget", "9", "--csv", "/dev/full"])
    out = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert out.returncode == 2
    assert out.stderr.count("\n") == 1
    assert "No space left" in out.stderr


def test_a_method_can_be_compared_with_itself(stepbench_cli):
    assert stepbench_cli("compare", "rosenbrock", "gd", "gd", "--budget", "9", "--plot", "twins.png")[0] == 0


def test_a_far_start_is_drawn(stepbench_cli):
    args = ("run", "quadratic", "--start", "1e100,1", "--plot", "far.png", "--budget", "10")
    assert stepbench_cli(*args)[0] == 0


def test_a_suite_is_listed_with_what_is_known_of_each_problem(stepbench_cli):
    code, out, err = stepbench_cli("list", "problems", "--suite", "mgh")
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line.split()[1:5] for line in out.splitlines() if line.startswith(" mgh/")}
    assert len(rows) == 35
    # κ at the minimum of Rosenbrock's function is 2508: its Hessian there is ((802, -400), (-400, 200)).
    low, high = np.linalg.eigvalsh([[802, -400], [-400, 200]])
    assert rows["mgh/rosenbrock"] == ["2", f"{high / low:.4g}", "C∞", "none"]
    assert rows["mgh/powell-singular"][:2] == ["4", "∞"]
    assert rows["mgh/linear-full-rank"][:2] == ["10", "1"]
    assert rows["mgh/gulf"][2] == "C⁰"
    code, out, _ = stepbench_cli("list", "--suite", "learning")
    assert [line.split()[4] for line in out.splitlines() if "/" in line] == ["batches"] * 3 + ["stream"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["list", "--suite", "mhg"], "no suite mhg (did you mean mgh?); there are gallery, learning, mgh"),
        (["list", "methods", "--suite", "mgh"], "--suite mgh lists problems: leave out methods"),
        (["run", "beale"], "beale is in more than one suite: write gallery/beale or mgh/beale"),
        (["show", "himmelblow"], "nothing is called himmelblow (did you mean himmelblau"),
        (["new", "puzzle", "x"], "problem"),
    ],
)
def test_a_wrong_suite_is_refused(stepbench_cli, args, says):
    code, _, err = stepbench_cli(*args)
    assert code == 2
    assert says in err


def test_show_tells_every_minimum_and_what_is_derived(stepbench_cli):
    _, out, _ = stepbench_cli("show", "himmelblau")
    assert "(-3.77931, -3.28319)" in out
    _, out, _ = stepbench_cli("show", "three-hump-camel")
    assert "other minima  0.298638" in out


def test_show_has_the_invariance_card(stepbench_cli):
    _, out, _ = stepbench_cli("show", "adam")
    card = [line.split() for line in out.splitlines() if line.startswith((" ✓", " ✗"))]
    assert [row[0] for row in card] == ["✗", "✓", "✗", "✓", "✓"]
    deviation = float(card[0][card[0].index("by") + 1])
    assert 0.01 < deviation < 1


def test_values_of_either_sign_get_an_axis_that_shows_them():
    from matplotlib.figure import Figure

    from stepbench.report.plots import draw_errors

    r = stepbench.run("saddle", "gd:lr=0.05", steps=110)
    assert r.error is None
    assert r.f[0] > 0 > r.f[-1]
    ax = Figure().subplots()
    draw_errors(ax, [r], "error")
    assert ax.get_yscale() == "symlog"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), r.f)
    assert not any("0 in double" in text.get_text() for text in (ax.get_legend().texts if ax.get_legend() else ()))
