"""The pages that are made and not written: one for each method, problem and lesson, and those that list them.

What they say is what ``stepbench show`` says, and what is computed while the site is built. They are written beside the
other pages, into folders that git ignores.
"""

import io
import shutil
from pathlib import Path

import ranks
from matplotlib.figure import Figure
from rich.console import Console

import stepbench
from stepbench import InputError, catalog, lessons
from stepbench.conformance.invariance import card
from stepbench.report.document import Grid, Heading, Items, Link, Paragraph, Picture, Styled, Verbatim, markdown
from stepbench.report.ending import ending
from stepbench.report.explained import method_blocks, problem_blocks
from stepbench.report.landscape import draw_contours
from stepbench.web.explained import example, example_blocks
from stepbench.web.lesson import write_course

DOCS = Path(__file__).parent.parent
MADE = ("methods", "problems", "lessons", "extra")
"""The folders that hold nothing but what is made here; what is in extra becomes a file of the site as it is."""

LIVE = "live"
"""The folder of the site, and of extra, with the pages that run in the browser."""

GROUPS = {
    "methods": "Whole methods",
    "directions": "Directions",
    "stepsizes": "Step-size rules",
}
MOST_FAILURES = 6
"""How many problems that a method does not solve are told with how it ended."""


def write(docs=DOCS):
    """Write every page anew."""
    (docs / "_build").mkdir(exist_ok=True)
    found = [ranks.measure(suite, docs / "_build") for suite in ranks.SUITES]
    for folder in MADE:
        shutil.rmtree(docs / folder, ignore_errors=True)
    for folder in (*MADE, f"extra/{LIVE}", *(f"problems/{suite}" for suite in catalog.suites())):
        (docs / folder).mkdir()
    for name in catalog.method_names():
        save(docs / f"methods/{name}.md", method_page(docs, name, found))
    save(docs / "methods/index.md", methods_index())
    save(docs / "methods/ranks.md", ranks_page(found))
    for name in catalog.names("problems"):
        save(docs / f"problems/{name}.md", problem_page(docs, name))
    for suite, words in catalog.suites().items():
        save(docs / f"problems/{suite}/index.md", suite_page(docs, suite, words))
    save(docs / "problems/index.md", problems_index())
    write_lessons(docs)


def save(file, text):
    """Write a page."""
    file.write_text(text, encoding="utf-8")


def introduced(blocks):
    """Where the first section of a page begins."""
    return next(k for k, block in enumerate(blocks) if isinstance(block, Heading) and block.level > 1)


def contents(pages, caption=""):
    """A list of pages for the side of the site."""
    head = ["```{toctree}", ":hidden:", *([f":caption: {caption}"] if caption else []), ""]
    return "\n".join([*head, *pages, "```", ""])


def shown(docs, name, thing):
    """An example: a page that runs in the browser, in a file of its own."""
    made = example(name, thing)
    if made is None:
        return []
    file = f"{LIVE}/{name.replace('/', '-')}.html"
    save(docs / "extra" / file, made.page)
    return example_blocks(name, made, "../" * (1 + name.count("/")) + file)


# Methods


def method_page(docs, name, found):
    """A method: what ``show`` tells, the names for settings of it, an example, where it fails, and its ranks."""
    method = catalog.method(name)
    blocks = method_blocks(name, method, card(method))
    if names := [alias for alias, spec in catalog.ALIASES.items() if alias != name and name in parts_of(spec)]:
        blocks.insert(introduced(blocks), Paragraph(["Names for settings with it: ", *listed(names), "."]))
    blocks += shown(docs, name, method)
    return markdown([*blocks, *standing(name, found)])


def parts_of(spec):
    """The names of the parts in a spec: adam and rdbd of ``adam:beta1=0.05+rdbd``."""
    return [part.partition(":")[0] for part in spec.split("+")]


def standing(name, found):
    """The rank of a method on each suite, and where it fails there."""
    rows, missed = [], []
    for of in found:
        if name in of.unfit:
            missed.append(Paragraph(f"On {of.suite} it is not ranked: it needs {of.unfit[name]}, which not all have."))
        if name not in of.settings:
            continue
        n, unsolved, setting = len(of.profile.problems), of.unsolved(name), of.settings[name]
        suite, place = Link(of.suite, f"../problems/{of.suite}/index"), f"{of.place(name)} of {len(of.settings)}"
        rows.append(([suite], [Styled(setting, "code")], place, f"{of.area(name):.3f}", f"{n - len(unsolved)} of {n}"))
        words = f"On {of.suite}, as {setting}, it does not solve to 1e-5 within {ranks.BUDGET} gradients: "
        missed.append(
            Paragraph([words, *listed(unsolved, "../problems/"), "."] if unsolved else f"On {of.suite} it solves all.")
        )
    if not rows:
        return [Heading(2, "Its rank on the suites", name), *missed] if missed else []
    return [
        Heading(2, "Its rank on the suites", name),
        Grid(("suite", "setting", "rank", "area", "solved to 1e-5"), rows),
        Paragraph(["What these numbers mean, and the ranks of all: ", Link("Ranks on the suites", "ranks"), "."]),
        Heading(2, "Where it fails", name),
        *missed,
        *failures(name, [of for of in found if name in of.settings]),
    ]


def listed(names, folder=""):
    """Links to pages, with commas between them."""
    return [part for name in names for part in (", ", Link(name, f"{folder}{name}"))][1:]


def failures(name, judged):
    """How runs of a method ended that did not solve their problems, those first that were lost."""
    runs = [(not of.lost(name, p), of.settings[name], p) for of in judged for p in of.unsolved(name)]
    ends = [(how_it_ended(setting, p), setting, p) for _, setting, p in sorted(runs)[:MOST_FAILURES]]
    if not ends:
        return []
    rows = [([Link(problem, f"../problems/{problem}")], words) for words, _, problem in ends]
    _, setting, problem = ends[0]
    return [
        Grid(("problem", "how it ended"), rows),
        Paragraph(["Why, step by step: ", Styled(f"stepbench explain {problem} --method {setting}", "code")]),
    ]


def how_it_ended(setting, problem):
    """How a run ended, in words; one that is refused has failed."""
    try:
        [r] = stepbench.compare(problem, [setting], budget=ranks.BUDGET).results
    except InputError as refusal:
        return f"failed: {refusal}"
    return ending(r)


def methods_index():
    """All methods in groups, each with its line, in the order of ``stepbench list``."""
    blocks = [
        Heading(1, "Methods", "index"),
        Paragraph(
            "Almost every method is w ← w − α u: a direction u times a step-size rule α, joined with a plus sign as in "
            "adam+rdbd. A direction alone has a constant step size, and a rule alone stands on the gradient. The few "
            "that do not fit are whole methods. A page gives the algorithm in the symbols of its paper, every "
            "difference from what was published, the hyper-parameters, an example that runs as you read, and where the "
            "method fails."
        ),
        Paragraph([Link("Ranks on the suites", "ranks"), " compares them all."]),
    ]
    lists = [contents(["ranks"])]
    for kind, heading in GROUPS.items():
        names = catalog.names(kind)
        rows = [([Link(name, name)], catalog.summary(catalog.load(kind, name))) for name in names]
        blocks += [Heading(2, heading, "index"), Grid(("name", "what it does"), rows)]
        lists.append(contents(names, heading))
    rows = [([Link(alias, alias)], [Styled(spec, "code")]) for alias, spec in catalog.ALIASES.items()]
    blocks += [Heading(2, "Names for settings", "index"), Grid(("name", "is"), rows)]
    return "\n".join([markdown(blocks), *lists, contents(catalog.ALIASES, "Names for settings")])


def ranks_page(found):
    """The ranks of all methods on each suite, and how they were found."""
    rates = ", ".join(f"{rate:g}" for rate in ranks.RATES)
    blocks = [
        Heading(1, "Ranks on the suites", "ranks"),
        Paragraph(
            f"Every method runs once on every problem of a suite that has a known minimum and at most {ranks.MOST} "
            f"parameters, for {ranks.BUDGET} gradient evaluations. A problem is solved to the tolerance τ when f − f* "
            "is at most τ times what it was at the start. The area is that under the data profile of Moré and Wild: "
            "the part of the problems solved, averaged over the budget and over τ = 0.1, 1e-3 and 1e-5. The largest "
            "area has rank 1."
        ),
        Paragraph(
            f"A method with a step size lr is tried with each of {rates}, and judged with the one that solves most "
            f"problems of that suite to {ranks.TUNED_TO:g}; one setting serves the whole suite. Everything else stays "
            "at its default, also in methods with other hyper-parameters that matter. So a rank says how far a method "
            "comes with little tuning on small problems without noise. It says nothing about networks. Some methods "
            "are told more than f and ∇f, such as the minimum f*: their pages say so."
        ),
    ]
    for of in found:
        rows = []
        for name, setting in of.settings.items():
            solved = str(len(of.profile.problems) - len(of.unsolved(name)))
            spec = [Styled(setting, "code")]
            rows.append((str(of.place(name)), [Link(name, name)], spec, f"{of.area(name):.3f}", solved))
        blocks += [
            Heading(2, of.suite, "ranks"),
            Grid(("rank", "method", "setting", "area", f"solved to 1e-5, of {len(of.profile.problems)}"), rows),
        ]
        if of.unfit:
            needs = "; ".join(f"{name} needs {need}" for name, need in of.unfit.items())
            blocks.append(Paragraph(f"Not ranked, as not every problem has what they need: {needs}."))
    return markdown(blocks)


# Problems


def problem_page(docs, name):
    """A problem: what ``show`` tells, a picture where it has a window, and an example."""
    try:
        problem = catalog.problem(name)
    except InputError as missing:
        return markdown([Heading(1, name, name), Paragraph(str(missing))])
    blocks = problem_blocks(problem)
    if problem.in_numpy and problem.view is not None:
        picture = docs / f"problems/{name}.png"
        draw(problem, picture)
        shows = f"The level lines of {name}, its start and its minimum"
        blocks.insert(introduced(blocks), Picture(shows, picture.name))
    return markdown([*blocks, *shown(docs, name, problem)])


def draw(problem, path):
    """The level lines of a problem in its window, with its start and its minimum."""
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    ax = figure.subplots()
    draw_contours(ax, problem, problem.view)
    ax.plot(*problem.x0, "o", color="black", ms=5, label="start")
    figure.savefig(path, dpi=110)


def suite_page(docs, suite, words):
    """The problems of a suite, with pictures where they have them; those of another library by their names alone."""
    blocks = [Heading(1, suite, "index"), Paragraph(words)]
    if catalog.is_foreign(suite):
        try:
            names = catalog.suite(suite)
        except InputError as missing:
            return markdown([*blocks, Paragraph(str(missing))])
        command = Styled(f"stepbench show {names[0]}", "code")
        blocks.append(Paragraph([f"{len(names)} problems, each explained by its name, as ", command, "."]))
        return markdown([*blocks, Paragraph(", ".join(names))])
    names = [name.partition("/")[2] for name in catalog.suite(suite)]
    rows = [([Link(name, name)], catalog.summary(catalog.load("problems", f"{suite}/{name}"))) for name in names]
    blocks.append(Grid(("name", "what it is"), rows))
    drawn = [name for name in names if (docs / f"problems/{suite}/{name}.png").exists()]
    thumbnails = [f"[![Level lines of {name}]({name}.png)\\\n{name}]({name}.md)" for name in drawn]
    wall = ['<div class="thumbnails">\n', *(f"{one}\n" for one in thumbnails), "</div>\n"] if drawn else []
    return "\n".join([markdown(blocks), *wall, contents(names)])


def problems_index():
    """The problems that stand alone, and the suites."""
    alone = [name for name in catalog.names("problems") if "/" not in name]
    rows = [([Link(name, name)], catalog.summary(catalog.load("problems", name))) for name in alone]
    suites = [([Link(suite, f"{suite}/index")], words) for suite, words in catalog.suites().items()]
    blocks = [
        Heading(1, "Problems", "index"),
        Paragraph(
            "A page gives the formula, the parameters, and what is known: dimension, minimum, conditioning, constants. "
            "Where a problem can run in the browser, three methods race on it; click its map to start elsewhere."
        ),
        Grid(("name", "what it is"), rows),
        Heading(2, "Suites", "index"),
        Grid(("suite", "what is in it"), suites),
    ]
    pages = [f"{suite}/index" for suite in catalog.suites()]
    return "\n".join([markdown(blocks), contents(alone), contents(pages, "Suites")])


# Lessons


def write_lessons(docs):
    """Two pages for each lesson: one of text, and one that runs in the browser."""
    known = [lessons.load(name) for name in lessons.names()]
    write_course(docs / "extra" / LIVE / "lessons", "stepbench demo --html lessons")
    for lesson in known:
        save(docs / f"lessons/{lesson.name}.md", lesson_page(docs, lesson))
    rows = [([Link(lesson.title, lesson.name)], lesson.take_away) for lesson in known]
    blocks = [
        Heading(1, "Lessons", "index"),
        Paragraph(
            "Each lesson is an experiment that takes two seconds: a question, what was run, and a sentence to "
            "remember. Predict before you look."
        ),
        Grid(("lesson", "remember"), rows),
        Paragraph([Styled("stepbench demo ill-conditioning --ask", "code"), " puts the question in the terminal."]),
    ]
    save(docs / "lessons/index.md", "\n".join([markdown(blocks), contents([lesson.name for lesson in known])]))


def lesson_page(docs, lesson):
    """A lesson: its text and its question; behind a click its answer, its table and its picture."""
    lecture = lesson.run()
    lecture.figure().savefig(docs / f"lessons/{lesson.name}.png", dpi=110)
    before = [Heading(1, lesson.title, lesson.name), *paragraphs(lesson.text)]
    after = [*paragraphs(lesson.why), Verbatim(printed(lecture.table(96)))]
    if lesson.question:
        ask, choices = lesson.question.ask, lesson.question.choices
        before += [Heading(2, "Predict", lesson.name), Paragraph([Styled(ask)]), Items([*choices])]
        after = [Paragraph([Styled(f"It is {lecture.answer}.")]), *after]
    after += [
        Picture(lesson.title, f"{lesson.name}.png"),
        Paragraph([Styled("Remember:"), f" {lesson.take_away}"]),
        Paragraph([Styled(f"stepbench demo {lesson.name}", "code")]),
    ]
    page = f"../{LIVE}/lessons/{lesson.name}.html"
    live = f'<p><a href="{page}">This lesson as a page that runs</a></p>\n\n'
    answer = "<details><summary>What happens</summary>\n\n" + markdown(after) + "\n</details>\n"
    return f"{markdown(before)}\n{live}{answer}"


def paragraphs(text):
    """The paragraphs of a lesson's text."""
    return [Paragraph(" ".join(part.split())) for part in text.strip().split("\n\n")]


def printed(table):
    """A table as the terminal shows it."""
    out = Console(width=96, file=io.StringIO())
    out.print(table)
    return "\n".join(line.rstrip() for line in out.file.getvalue().strip("\n").splitlines())


def setup(app):
    """Write the pages before Sphinx looks for them."""
    app.connect("builder-inited", lambda _: write())
    return {"parallel_read_safe": True}
