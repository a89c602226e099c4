"""The tables of docs/results.md out of what benchmarks/step.py measured.

    python benchmarks/step_tables.py

A case may be measured in parts, `step_a.json` and `step_a_more.json`, where memory does not hold
all peers at once. A peer's seconds are those of the first part that has it; a ratio is of two peers
of one part, which took turns.
"""

import json

import summary

RESULTS = summary.DOCS.parent / "benchmarks" / "results"
FILES = ("step_a", "step_b", "step_cd", "step_a_more", "step_b_more")
CASES = ("a", "b", "c", "d")
ROWS = {
    "keras_kd": "keras-kd, live teacher",
    "cached": "keras-kd, ready targets",
    "distiller": "Keras `Distiller`",
    "distiller_xla": "Keras `Distiller`, XLA",
    "notebook": "a notebook's `train_step`",
    "torch": "PyTorch, eager",
    "torch_compile": "PyTorch, `torch.compile`",
    "distiller_onednn": "Keras `Distiller`, oneDNN",
    "notebook_onednn": "a notebook's `train_step`, oneDNN",
    "keras_kd_plain": "keras-kd live, without oneDNN",
    "cached_plain": "keras-kd ready, without oneDNN",
}
RATIOS = (
    ("distiller", "keras_kd"),
    ("distiller_onednn", "keras_kd"),
    ("distiller", "keras_kd_plain"),
    ("torch", "keras_kd"),
    ("torch_compile", "keras_kd"),
    ("distiller", "cached"),
)
FIRST_STEP = ("keras_kd", "distiller", "distiller_xla", "torch_compile")


def main():
    parts = [json.loads(path.read_text()) for path in map(_path, FILES) if path.exists()]
    found = {case: [p["cases"][case] for p in parts if case in p["cases"]] for case in CASES}
    text = "\n\n".join([seconds(found), ratios(found), first_steps(found)])
    summary.put_between(summary.DOCS / "results.md", "step", text)
    print(text)


def _path(name):
    return RESULTS / f"{name}.json"


def seconds(found):
    """Median seconds a step of each peer."""
    rows = [
        [text, *(_of(found[case], name, _median) for case in CASES)] for name, text in ROWS.items()
    ]
    return summary.table(["seconds a step", *(f"({case})" for case in CASES)], rows)


def ratios(found):
    """How many times longer one peer's step takes than another's."""
    rows = []
    for slower, faster in RATIOS:
        cells = []
        for case in CASES:
            part = next((p for p in found[case] if _has(p, slower) and _has(p, faster)), None)
            pair = part and [part["peers"][name]["seconds"]["median"] for name in (slower, faster)]
            cells.append(f"{pair[0] / pair[1]:.2f}" if pair else summary.NOTHING)
        rows.append([f"{ROWS[slower]} / {ROWS[faster]}", *cells])
    return summary.table(["times", *(f"({case})" for case in CASES)], rows)


def first_steps(found):
    """Seconds to the end of the first step: building, tracing, compiling."""
    rows = [
        [ROWS[name], *(_of(found[case], name, _first) for case in CASES)] for name in FIRST_STEP
    ]
    return summary.table(["seconds to the first step", *(f"({case})" for case in CASES)], rows)


def _has(part, name):
    return "seconds" in part["peers"].get(name, {})


def _of(parts, name, text):
    part = next((part for part in parts if _has(part, name)), None)
    return text(part["peers"][name]) if part else summary.NOTHING


def _median(peer):
    return f"{peer['seconds']['median']:.3f}"


def _first(peer):
    return f"{peer['seconds_to_first_step']:.0f}"


if __name__ == "__main__":
    main()
