"""What a report says: where a claim was judged, what is counted apart, and what is kept of an earlier report."""

import dataclasses
import json
import math
import re

import pytest

from stepbench.report import document, reproduction
from stepbench.report.claim_plots import claim_figure, claim_png
from stepbench.reproduce import record
from stepbench.reproduce.bands import at_least, exactly
from stepbench.reproduce.claims import Across, Claim, Curves, Erratum, Headline, Number, Paper, Run, Setting, Trace
from stepbench.reproduce.verdicts import NOT_HERE, REPRODUCED
from tests.reproduce.claims import GD, judged


def number(value, band=None):
    return Number(exactly(1) if band is None else band, lambda runs: value)


def made(name="any", *values, **options):
    numbers = {f"number {n}": number(value) for n, value in enumerate(values)}
    return Claim(name, "Fig. 0", "Something is so", GD, numbers, "one is one", **options)


def paper_of(*claims, errata=()):
    one = Paper("mine", "Mine 2026, On mine", claims, errata)
    return one, [judged(claim) for claim in claims]


def first_line(claim):
    _, outcome, *_ = reproduction.claim_blocks(*paper_of(claim)[:1], judged(claim), {})
    return document.markdown([outcome]).strip()


MNIST, EPOCHS = Setting("data", "MNIST", "digits"), Setting("epochs", "20")


@pytest.mark.parametrize(
    ("values", "settings", "says"),
    [
        ((1,), (), "**Reproduced** in the paper's own setting: its number agrees."),
        ((1, 1), (EPOCHS,), "**Reproduced** in the paper's own setting: all 2 numbers agree."),
        ((1, 2, 1), (), "**Partly reproduced** in the paper's own setting: 2 of 3 numbers agree. Both readings fail."),
        ((2,), (), "**Not reproduced** in the paper's own setting: its number does not agree. Both readings fail."),
        ((2, 2), (), "**Not reproduced** in the paper's own setting: none of 2 numbers agrees. Both readings fail."),
        ((2,), (MNIST, EPOCHS), "**Not reproduced** on a stand-in, which differs in data: its number does not agree."),
    ],
)
def test_the_first_line_says_where_and_how_well_a_claim_agrees(values, settings, says):
    assert first_line(made("any", *values, settings=settings, note="Both readings fail.")) == says


def test_the_seeds_are_told():
    noisy = Claim("any", "", "", {"gd": Run("quadratic", "gd", 10, noise=1.0)}, {"f": number(1)})
    assert first_line(noisy).endswith("its number agrees for all 3 seeds.")
    varying = dataclasses.replace(noisy, numbers={"f": Number(at_least(0), lambda runs: runs["gd"].seed)})
    [row] = reproduction._number_rows(judged(varying))
    assert row[1:] == ("f", "≥ 0", "1 (0 to 2)")


def test_settings_stand_beside_the_papers():
    text = page(made("any", 1, settings=(MNIST, EPOCHS)))
    assert "| data | MNIST | digits |" in text
    assert "| epochs | 20 | the same |" in text


def page(*claims, errata=()):
    return document.markdown(reproduction.paper_page(*paper_of(*claims, errata=errata), {}))


def test_own_settings_and_stand_ins_are_counted_apart():
    claims = [made("a", 1), made("b", 2), made("c", 1, 2, settings=(MNIST,)), Claim("d", "", "", missing="No data.")]
    [(_, *counts)] = reproduction._tally_table([paper_of(*claims)]).rows
    assert counts == ["1", "–", "1", "1", "–", "1", "–", "–"]


def test_claims_that_were_not_run_are_grouped_by_what_is_missing():
    lacking = [Claim(name, "Fig. 0", "Something is so", missing=why) for name, why in zip("abc", "xyx", strict=True)]
    text = page(made("run", 1), *lacking)
    assert re.findall(r"^\*\*(.)\.\*\*|^- `(mine/.)`", text, re.MULTILINE) == [
        ("x", ""),
        ("", "mine/a"),
        ("", "mine/c"),
        ("y", ""),
        ("", "mine/b"),
    ]


def test_the_first_headline_whose_claim_was_judged_stands_on_the_first_page():
    headlines = Headline("own", "It is {number 0} and {number 1}."), Headline("other", "It is {number 0} on digits.")
    own, other = made("own", 1, 2), made("other", 3, settings=(MNIST,))

    def found(*claims):
        one, verdicts = paper_of(*claims)
        return document.markdown(reproduction.summary([(dataclasses.replace(one, headlines=headlines), verdicts)]))

    assert "- It is 1 and 2. **Partly reproduced in its own setting** ([mine/own](mine.md#own))." in found(other, own)
    unrun = dataclasses.replace(own, runs={}, numbers={}, missing="No data.")
    line = "- It is 3 on digits. **Not reproduced on a stand-in** ([mine/other](mine.md#other))."
    assert line in found(other, unrun)
    assert "What was found" not in found(unrun)


def test_an_erratum_is_beside_its_counterexample():
    erratum = Erratum("Theorem 1", "All is well", "It is not.", "shown")
    one = paper_of(made("shown", 2), errata=(erratum,))
    short = document.markdown(reproduction.summary([one]))
    assert "- **mine, Theorem 1:** All is well (see [mine/shown](mine.md#shown))." in short
    assert "**Theorem 1:** All is well (see [mine/shown](mine.md#shown)). It is not." in page(
        made("shown", 2), errata=(erratum,)
    )


# The record


def kept(tmp_path, *claims):
    """What a record of these claims gives back for them."""
    one, verdicts = paper_of(*claims)
    record.write(tmp_path, [(one, verdicts)])
    return one, verdicts, record.read(tmp_path)


def test_a_record_gives_back_what_was_judged(tmp_path):
    numbers = {"inf": number(math.inf), "-inf": number(-math.inf), "nan": number(math.nan), "third": number(1 / 3)}
    claim = Claim("any", "Fig. 0", "Something", GD, numbers)
    one, [verdict], entries = kept(tmp_path, claim, *[])
    json.loads((tmp_path / "verdicts.json").read_text("utf-8"), parse_constant=pytest.fail)
    [(_, [again])] = record.completed([], [one], entries)
    assert repr(dataclasses.replace(verdict, results=())) == repr(again)  # NaN is not equal to itself


def test_a_verdict_is_kept_while_its_claim_is_declared_as_it_was(tmp_path):
    claim = made("any", 1)
    one, _, entries = kept(tmp_path, claim)
    told = dataclasses.replace(claim, note="Something else is said of it", settings=(MNIST,))
    for changed, word in [
        (told, REPRODUCED),
        (dataclasses.replace(claim, numbers={"number 0": number(1, at_least(0))}), NOT_HERE),
        (dataclasses.replace(claim, runs={"gd": Run("quadratic", "gd", 11)}), NOT_HERE),
    ]:
        [(_, [verdict])] = record.completed([], [dataclasses.replace(one, claims=(changed,))], entries)
        assert verdict.word == word
    [(_, [verdict])] = record.completed([], [dataclasses.replace(one, claims=(told,))], entries)
    assert verdict.claim is told  # what is said of a claim is always what its paper's file says


def test_what_cannot_be_judged_now_stays_as_it_was_judged(tmp_path):
    slow, lost = made("slow", 1, quick=False), made("lost", 2)
    one, _, entries = kept(tmp_path, slow, lost)
    now = [(one, [judged(slow, quick=True), judged(lost)])]
    [(_, verdicts)] = record.completed(now, [one], entries)
    assert [verdict.word for verdict in verdicts] == [REPRODUCED, "not reproduced"]
    [(_, [verdict])] = record.completed(now[:1], [dataclasses.replace(one, claims=(slow,))], {})
    assert verdict.word == NOT_HERE


# Figures


def test_what_asks_for_no_gradient_is_drawn_by_its_function_evaluations():
    runs = {"nelder-mead": Run("rosenbrock", "scipy:nelder-mead", 50)}
    [ax] = claim_figure(judged(Claim("any", "", "", runs, {"a": number(1)}, picture=Curves("error")))).axes
    assert ax.get_xlabel() == "function evaluations"
    assert ax.lines[0].get_xdata()[-1] == 50


def test_a_figure_has_a_panel_for_each_picture(tmp_path):

    curves = Curves("step_size", "iteration", linear=True), Curves("error")
    verdict = judged(made("any", 1, picture=(*curves, Trace("gd"))))
    figure = claim_figure(verdict)
    assert [ax.get_yscale() for ax in figure.axes] == ["linear", "log", "linear"]
    assert len(figure.legends) == 1
    assert claim_png(verdict)[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_step_size_is_named_by_its_component_or_as_the_paper_names_it():
    named = Curves("step_size", component=1), Curves("step_size", component=1, label="step size α(1)")
    figure = claim_figure(judged(made("any", 1, picture=named)))
    assert [ax.get_ylabel() for ax in figure.axes] == ["step size α(2)", "step size α(1)"]


def test_an_epoch_is_a_pass_over_the_data():

    runs = {"gd": Run("linear-regression:n=40,batch=10", "gd:lr=0.01", epochs=3)}
    claim = Claim("any", "", "", runs, {"a": number(1)}, picture=Curves("f", "epoch"))
    [ax] = claim_figure(judged(claim)).axes
    assert ax.get_xlabel() == "epoch"
    assert ax.lines[0].get_xdata()[-1] == 3


def test_what_diverges_leaves_a_picture_and_nothing_else_does():

    values = {10.0**-n: 10.0 ** (-2 * n) for n in range(8)} | {10.0: 1e90}
    runs = {("gd", x): Run("quadratic", f"gd:lr={x / 1e6}", 5) for x in values}
    picture = Across("x", "y", lambda run: values[min(values, key=lambda x: abs(x / 1e6 - run.step_size[-1]))])
    [ax] = claim_figure(judged(Claim("any", "", "", runs, {"a": number(1)}, picture=picture))).axes
    low, high = ax.get_ylim()
    assert low < 1e-14
    assert 1 <= high < 1e90


def test_a_picture_that_no_page_shows_any_more_is_removed_and_others_stay(tmp_path):
    (tmp_path / "figures").mkdir()
    for name in ("mine-gone.png", "yours.png"):
        (tmp_path / "figures" / name).write_bytes(b"")
    reproduction.write_folder(tmp_path, [paper_of(made("any", 1))])
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["yours.png"]
