"""keras-kd-search: finds a student whose file keeps a budget, by trying many for a short while.

keras-kd-search --config=configs/digits.py --study=DIR --bytes=40_000 --latency_ms=0.2 --trials=40

--config           file with get_config(), as for keras-kd-train; its student is what is searched
--config.KEY=VALUE changes one of its values
--study            folder of the search; started again it goes on, and several may share it
--bytes            largest file of the first format; empty: of any size
--latency_ms       longest time of an image through it, by LiteRT on one thread of this machine
--trials           students to propose in all
--networks         builders to search, such as resnet,shrink; default: the config's
--formats          TFLite files to make of each student, the one that counts first
--length           of a trial: "10 percent" of the distillation, "20 epochs", "300 steps"
--seed             of the proposals

Files are made and timed before anything is trained. It ends with table.txt, pareto.png,
results.json and chosen.py, a config for keras-kd-train.
"""

import importlib.util

from absl import flags
from ml_collections import config_flags

from keras_kd.commands import console
from keras_kd.export import formats
from keras_kd.export.tflite import TFLite
from keras_kd.utils import signals


def main():
    """Entry point of the command."""
    values = {
        "config": config_flags.DEFINE_config_file("config", None, "File with get_config()."),
        "study": flags.DEFINE_string("study", None, "Folder of the search."),
        "bytes": flags.DEFINE_string("bytes", "", "Largest file, such as 1_000_000."),
        "latency_ms": flags.DEFINE_string("latency_ms", "", "Longest time of an image, ms."),
        "trials": flags.DEFINE_integer("trials", 40, "Students to propose in all."),
        "networks": flags.DEFINE_list("networks", [], "Builders to search."),
        "formats": flags.DEFINE_list("formats", ["int8", "float32"], "TFLite files to make."),
        "length": flags.DEFINE_string("length", "10 percent", "Length of a trial."),
        "seed": flags.DEFINE_integer("seed", 0, "Of the proposals."),
    }
    signals.leave_on_sigterm()
    console.run(
        "keras-kd-search",
        __doc__,
        lambda: _command(**{name: flag.value for name, flag in values.items()}),
        goes_on="The same command goes on with what was found.",
    )


def _command(config, study, bytes, latency_ms, trials, **asked):
    """Does what the flags say, and tells what was found."""
    if config is None:
        raise ValueError("--config is missing. Give a file, for example configs/digits.py.")
    if not study:
        raise ValueError("--study is missing. Give a folder for what the search finds.")
    limits = {"bytes": _number("bytes", bytes), "latency_ms": _number("latency_ms", latency_ms)}
    if importlib.util.find_spec("optuna") is None:
        raise ValueError(
            "keras-kd-search proposes students by Optuna, which is not there. Install it: "
            'pip install "keras-kd[search]", or optuna alone.'
        )
    asked["formats"] = _formats(asked["formats"])
    console.set_native_notes_aside(study)
    from keras_kd.export import to_tflite
    from keras_kd.run.search.story import Asked, Limits, search

    asked = {key: tuple(one) if isinstance(one, list) else one for key, one in asked.items()}
    found = search(config, study, to_tflite, Asked(Limits(**limits), **asked), trials)
    print(f"\n{found['table']}\n")
    print(f"Plot: {found['plot']}")
    print(f"Train the first of them: keras-kd-train --config={found['chosen']} --workdir=DIR")


def _formats(names):
    """The formats to write, each once; what is no single TFLite file cannot be timed."""
    chosen = formats.check_formats(names or None)
    other = [name for name in chosen if not isinstance(formats.get(name), TFLite)]
    if other or not names:
        raise ValueError(
            "--formats must be formats of TFLite, the one that counts first. Received: "
            f"--formats={','.join(names)}. Write for example int8,float32."
        )
    return chosen


def _number(name, text):
    """The number that a flag gives, or None where it is empty."""
    try:
        return float(text) if text else None
    except ValueError as error:
        raise ValueError(
            f"--{name} must be a number above 0. Received: --{name}={text}. Write for example "
            "1_000_000 or 5."
        ) from error


if __name__ == "__main__":
    main()
