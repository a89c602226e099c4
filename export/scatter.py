"""Accuracy against a cost as inline SVG, with the line of those that nothing beats."""

from keras_kd.export.charts import INK, drawn, frame

WIDE = 8  # costs that lie further apart than this, largest by smallest, take a log scale


def scatter(points, best, label, unit, told):
    """One chart as an SVG element for an HTML page, "" where there is nothing to draw.

    Args:
        points: list of (CSS colour, cost, accuracy in [0, 1], name).
        best: those of them on the Pareto front, whose names are written beside them.
        label: what the chart shows, for those who hear the page instead of seeing it.
        unit: what stands at the axis of the costs.
        told: function from a cost to how people read it.
    """
    if not points:
        return ""
    line = sorted((cost, accuracy) for _, cost, accuracy, _ in best)

    def draw(axes, pen):
        from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

        frame(axes)
        costs = [cost for _, cost, _, _ in points]
        if min(costs) > 0 and max(costs) > WIDE * min(costs):
            axes.set_xscale("log")
        elif max(costs) > 0:
            axes.set_xlim(0, 1.15 * max(costs))
            axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.margins(x=0.12, y=0.18)
        axes.step(*zip(*line), where="post", color=INK, linewidth=1, linestyle=":")
        for colour, cost, accuracy, _ in points:
            axes.plot(cost, accuracy, "o", color=pen(colour), markersize=6, alpha=0.75)
        for _, cost, accuracy, name in best:
            beside = {"xytext": (5, 5), "textcoords": "offset points", "fontsize": 8.5}
            axes.annotate(name, (cost, accuracy), color=INK, **beside)
        axes.set_xlabel(unit, color=INK)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: told(x)))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g} %"))

    return drawn(draw, label)
