"""Learning curves as inline SVG that follows the page's colours, light or dark."""

import io
import re

from keras_kd.utils import words

# Matplotlib wants real colours; each stands for one of the page's and is swapped in the SVG.
INK, GRID = "#010101", "#010102"
LOSS = ("loss",)
VALIDATION_ACCURACY = ("val_accuracy", "val_sparse_categorical_accuracy")
MOST_POINTS = 400


def curves(records, keys):
    """The values of one quantity over the steps, by stage.

    Args:
        records: dicts from `metrics.jsonl`.
        keys: names the quantity may go by; the first one found in a record counts.

    Returns:
        A dict: stage -> (steps, values), sorted by step. A step that was logged twice, because a
        run was resumed, keeps its last value; what is not a finite number is left out.
    """
    stages = {}
    for record in records:
        step = record.get("step", record.get("epoch"))
        value = next((record[key] for key in keys if key in record), None)
        if words.is_number(step) and words.is_number(value):
            stages.setdefault(str(record.get("stage", "student")), {})[step] = value
    return {name: tuple(zip(*sorted(points.items()))) for name, points in stages.items()}


def learning_curves(lines, label, log=False, as_percent=False):
    """One chart as an SVG element for an HTML page, "" where there is nothing to draw.

    Args:
        lines: list of (CSS colour, steps, values).
        label: what the chart shows, for those who hear the page instead of seeing it.
        log: logarithmic y axis (if every value is positive).
        as_percent: values are fractions in [0, 1].
    """
    if not lines:
        return ""

    def draw(axes, pen):
        for colour, steps, values in lines:
            thin = max(len(steps) // MOST_POINTS, 1)
            marker = "o" if len(steps) == 1 else None
            axes.plot(steps[::thin], values[::thin], color=pen(colour), lw=1.8, marker=marker)
        _dress(axes, [values for _, _, values in lines], log, as_percent)

    return drawn(draw, label)


def drawn(draw, label):
    """What a function draws, as an SVG element for an HTML page in that page's colours.

    Args:
        draw: function of matplotlib's axes and of `pen`, which gives for a CSS colour one that
            matplotlib takes.
        label: what the chart shows, for those who hear the page instead of seeing it.
    """
    import matplotlib
    from matplotlib.figure import Figure

    # A fixed salt makes the ids in the file, and so the whole page, the same every time.
    style = {"svg.fonttype": "none", "svg.hashsalt": label, "font.size": 10}
    page_colours = {INK: "currentColor", GRID: "var(--line)"}

    def pen(colour):
        stand_in = f"#02{len(page_colours):04x}"
        page_colours[stand_in] = colour
        return stand_in

    with matplotlib.rc_context(style):
        figure = Figure(figsize=(5.4, 3.1), layout="constrained")
        draw(figure.add_subplot(), pen)
        buffer = io.StringIO()
        empty = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=empty)
    return _for_page(buffer.getvalue(), label, page_colours)


def frame(axes):
    """Lines and letters of a chart as the page has them."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.tick_params(colors=INK, length=0, which="both")


def _dress(axes, curves, log, as_percent):
    from matplotlib.ticker import EngFormatter, FuncFormatter

    frame(axes)
    axes.set_xlabel("step", color=INK)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    values = [value for points in curves for value in points]
    if log and min(values) > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda y, _: ""))
    if as_percent:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g} %"))
        # The climb of the first evaluations would flatten the part that tells runs apart.
        late = [point for points in curves for point in points[len(points) // 5 :]]
        low, high = min(late), max(values)
        margin = max(0.08 * (high - low), 0.002)
        axes.set_ylim(low - margin, high + margin)


def _for_page(svg, label, page_colours):
    """Matplotlib's file as an element of ours: no prologue, no fixed size, the page's colours."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg)
    head, rest = svg.split(">", 1)
    head = re.sub(r' (width|height|version)="[^"]*"', "", head)
    for colour, ours in page_colours.items():
        rest = rest.replace(colour, ours)
    rest = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font: \1 system-ui, sans-serif", rest)
    return f'{head} role="img" aria-label="{label}">{rest}'
