"""An explanation in words: tables for the terminal, and facts for the report."""

from keras_kd.utils import words
from keras_kd.utils.tables import text_table

SHOWN = 8  # layers


def text(found):
    """What `explain` found, as lines for the terminal."""
    layers = text_table(
        ("layer", "signal to noise", "largest error", "clipped"),
        [
            (one["layer"], f"{one['sqnr_db']:.1f} dB", f"{one['largest']:.3g}",
             words.percent(one["clipped"]))
            for one in found["layers"][:SHOWN]
        ],
    )  # fmt: skip
    rows = [
        (row["label"], words.percent(row["accuracy"]), words.percent(row["agreement"]),
         f"{row['sqnr_db']:.1f} dB", words.count(row["bytes"]),
         words.milliseconds(row["latency_ms"]))
        for row in labelled(found)
    ]  # fmt: skip
    kept = text_table(
        ("in float32", "accuracy", "agreement", "signal to noise", "bytes", "latency"), rows
    )
    return f"{layers}\n\n{kept}\n\n{advice(found)}"


def labelled(found):
    """The rows of the table, each with a `label`: none, each layer alone, then more and more."""
    rows = [{**found["path"][0], "label": "nothing"}]
    rows += [{**one, "label": ", ".join(one["keep"])} for one in found["singles"]]
    rows += [{**one, "label": ", ".join(one["keep"])} for one in found["path"][2:]]
    if found.get("norms"):
        rows.append({**found["norms"], "label": "all norms, as int8 does"})
    return rows


def advice(found):
    """One or two sentences that end in what to do."""
    recipe, last = found["recipe"], found["path"][-1]
    start = found["path"][0]
    if not recipe:
        return (
            f"In integers throughout it answers like the student on "
            f"{words.percent(start['agreement'])} of {words.count(found['examples'])} images: "
            "no layer needs float32, or none alone helps."
        )
    norms = found.get("norms")
    if norms and norms["agreement"] >= last["agreement"] and norms["sqnr_db"] > last["sqnr_db"]:
        return (
            f"With all norms in float32, as format int8 has them, it answers like the student on "
            f"{words.percent(norms['agreement'])} of {words.count(found['examples'])} images, "
            f"instead of {words.percent(start['agreement'])}; with {', '.join(recipe)} alone on "
            f"{words.percent(last['agreement'])}: {found['command']}"
        )
    return (
        f"With {', '.join(recipe)} in float32 it answers like the student on "
        f"{words.percent(last['agreement'])} of {words.count(found['examples'])} images, instead "
        f"of {words.percent(start['agreement'])}: {found['command']}"
    )
