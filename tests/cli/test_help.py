"""Help and version: each option is listed with its meaning."""

import re
import shlex

import pytest

import stepbench


def test_version_and_help(stepbench_cli):
    assert stepbench_cli("--version") == (0, stepbench.__version__ + "\n", "")
    code, out, _ = stepbench_cli("--help")
    assert code == 0
    assert "..." not in out.replace("[ARGS]...", "")
    for command in ("run", "compare", "list", "show"):
        assert command in out


@pytest.mark.slow
def test_the_bare_command_shows_three_commands_that_can_be_given_as_they_stand(stepbench_cli):
    code, out, err = stepbench_cli()
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 100
    for piece in ("stepbench --help", "stepbench list"):
        assert piece in out
    commands = [shlex.split(line)[1:] for line in out.splitlines() if line.startswith("  stepbench ")]
    assert [command[0] for command in commands] == ["run", "compare", "demo"]
    for command in commands:
        assert stepbench_cli(*command)[0] == 0


def test_a_methods_own_options_are_listed_with_meaning_symbol_bounds_and_default(stepbench_cli):
    code, out, _ = stepbench_cli("run", "rosenbrock", "--method", "csawg", "--help")
    assert code == 0
    for piece in ("--K", "integer in [1, inf)", "[default: 0.001]", "pairs in a buffer", "α: step size", "--budget"):
        assert piece in " ".join(out.replace("│", " ").split()), piece
    _, out, _ = stepbench_cli("run", "rosenbrock", "--method", "amsgrad", "--help")
    assert "--bias" in out
    assert "--K " not in out


def test_a_group_without_a_command_is_its_help(stepbench_cli):
    code, out, err = stepbench_cli("study")
    assert code in (0, 2)
    for word in ("show", "export", "merge", "remove"):
        assert word in out + err
    assert "stepbench: \n" not in err


@pytest.mark.parametrize("command", ["sweep", "map", "tune", "profile"])
def test_help_names_every_option_with_its_meaning(stepbench_cli, command):
    code, out, err = stepbench_cli(command, "--help")
    assert (code, err) == (0, "")
    words = " ".join(re.sub("[│╭╮╰╯─]", " ", out).split())
    for piece in (
        "--study",
        "--workers",
        "--scheduler",
        "--traces",
        "--budget",
        "--plot",
        "The file that keeps every run",
    ):
        assert piece in words


def test_the_shell_completes_commands_problems_and_methods(stepbench_cli, monkeypatch):
    for words, place, expected in (
        ("stepbench comp", 1, "compare"),
        ("stepbench compare rosenb", 2, "rosenbrock"),
        ("stepbench run rosenbrock --method adam+rdb", 4, "adam+rdbd"),
        ("stepbench run rosenbrock --sty", 3, "--style"),
    ):
        monkeypatch.setenv("_STEPBENCH_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(place))
        code, out, _ = stepbench_cli()
        assert (code, out.split()) == (0, [expected])
