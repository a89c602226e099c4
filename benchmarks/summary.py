"""What studies make of their results: means with intervals, tables and plots in the pages."""

import math
from pathlib import Path

from keras_kd.utils.files import write_json

NOTHING = "\N{EN DASH}"
DOCS = Path(__file__).resolve().parents[1] / "docs"


def interval(values):
    """Mean and 95 % confidence interval of a few independent values, by Student's t.

    Args:
        values: list of numbers, one a seed.

    Returns:
        dict: `mean`, `half` (half the interval's width; None for one value), `values`.
    """
    from scipy.stats import t

    n, mean = len(values), math.fsum(values) / len(values)
    half = None
    if n > 1:
        deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1))
        half = float(t.ppf(0.975, n - 1)) * deviation / math.sqrt(n)
    return {"mean": mean, "half": half, "values": list(values)}


def paired(ours, theirs):
    """`interval` of the differences of two dicts seed -> value, over the seeds that both have.

    Returns:
        dict as from `interval`, or None where they share no seed.
    """
    shared = sorted(ours.keys() & theirs.keys())
    return interval([ours[seed] - theirs[seed] for seed in shared]) if shared else None


def by_seed(results, key, **facts):
    """Dict seed -> `result[key]` of the results that have these facts."""
    return {
        result["facts"]["seed"]: result[key]
        for result in results
        if all(result["facts"].get(name) == value for name, value in facts.items())
    }


def points(found, sign=False):
    """An interval of shares as text in percent: "61.23 ± 0.40"; a dash for None."""
    if found is None:
        return NOTHING
    text = f"{100 * found['mean']:{'+' if sign else ''}.2f}"
    return text if found["half"] is None else f"{text} ± {100 * found['half']:.2f}"


def table(header, rows):
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def between(path, name):
    """What stands between a page's `<!-- NAME: begin -->` and `<!-- NAME: end -->`.

    Raises:
        ValueError: the page lacks one of the two.
    """
    begin, end = _markers(name)
    text = Path(path).read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"{path} must have {begin} and {end} once each, each on its own line.")
    return text.partition(begin)[2].partition(end)[0].strip("\n")


def put_between(path, name, content):
    """Replaces what `between` gives."""
    between(path, name)
    begin, end = _markers(name)
    text = Path(path).read_text(encoding="utf-8")
    head, tail = text.partition(begin)[0], text.partition(end)[2]
    Path(path).write_text(f"{head}{begin}\n{content}\n{end}{tail}", encoding="utf-8")


def tell(name, found, text, options):
    """Writes a study's results/NAME.json and its part of docs/results.md, and prints that.

    Args:
        name: of the study, and of its markers in the page.
        found: JSON-able.
        text: Markdown.
        options: the flags; thin results stay out of the page.
    """
    write_json(Path(options.results) / f"{name}.json", found)
    print(text)
    if not options.thin:
        put_between(DOCS / "results.md", name, text)


def _markers(name):
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def figure(**options):
    """A matplotlib figure and its axes, without a display."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot.subplots(**options)


def save(plot, name):
    """Writes a figure to `docs/images` and returns the path that a page in `docs` links to."""
    plot.savefig(DOCS / "images" / f"{name}.png", dpi=120, bbox_inches="tight")
    return f"images/{name}.png"
