"""What a kind of exported file is: how it is written, run again, checked, timed and told."""

import importlib.util

from keras_kd.utils import words

MIN_AGREEMENT = 0.97  # of runs before `config.export.min_agreement`


class Format:
    """One kind of file for a device. Each file in `formats/` defines one, named by that file.

    Its modules are imported to be listed, so they import TensorFlow only in their methods.

    Attributes:
        name: the file's name in `formats/`, set when it is found.
        title: a word or two that stand beside the name in the report.
        order: place in tables and among the formats of a whole export, low ones first.
        by_default: whether it is written where no formats are named.
        on_device: whether the report's headline may show it off as the student's file.
        is_reference: whether the sizes of the others are told as shares of its size.
        file: name of the file or folder in `export/`; `{name}` stands for the format's.
        needs: what `write` takes beside the student, the path and the resolution: names of
            attributes of `keras_kd.export.material.Material`.
        requires: top-level modules that it imports and a bare installation lacks.
        extra: the extra of keras-kd that installs these.
    """

    name = ""
    title = ""
    order = 100
    by_default = True
    on_device = True
    is_reference = False
    file = "student_{name}"
    needs = ()
    requires = ()
    extra = ""

    @property
    def file_name(self):
        return self.file.format(name=self.name)

    @property
    def missing(self):
        """Names of the modules among `requires` that are not installed."""
        return [name for name in self.requires if importlib.util.find_spec(name) is None]

    def check_installed(self):
        """Refuses a format whose libraries are missing.

        Raises:
            ValueError: says how to install them.
        """
        if missing := self.missing:
            raise ValueError(
                f"Format {self.name!r} needs {', '.join(self.requires)}. Received: an "
                f"installation without {', '.join(missing)}. Install it by "
                f"`pip install 'keras-kd[{self.extra}]'`, or leave the format out."
            )

    def write(self, student, path, resolution=None, **needed):
        """Writes the student; what was at `path` stays until the new file is whole.

        Args:
            student: a Keras model with one image input in [-1, 1] and logits out.
            path: the file or folder to write.
            resolution: pixels, for a model that leaves its input size open.
            **needed: what `needs` names.

        Returns:
            dict of facts for the report: `bytes` and what else the format has to tell.
        """
        raise NotImplementedError

    def opens(self, path):
        """Whether what lies at `path` is of this kind, told by a look at it."""
        raise NotImplementedError

    def open(self, path, threads=1):
        """A runner of what lies at `path`.

        Returns:
            a function from float32 images `[B, H, W, C]` in [-1, 1] to float32 logits `[B, K]`,
            with `image_shape` (H, W, C), `threads` (None where it chooses them itself) and
            `timed(image)`, the seconds of one inference of `[1, H, W, C]`.
        """
        raise NotImplementedError

    def verify(self, reference, path, dataset):
        """Facts of a comparison with the Keras student, see `keras_kd.export.verify`."""
        from keras_kd.export.measure import compare

        return compare(reference, self.open(path), dataset)

    def benchmark(self, path):
        """Facts of the time that an image takes, see `keras_kd.export.benchmark`."""
        from keras_kd.export.measure import time_one_image

        return time_one_image(self.open(path))

    def ways(self, path):
        """The ways to run what lies at `path` whose times are compared, see `export.latency`.

        Returns:
            list of (dict of what is chosen, runner as of `open`); none: its time tells nothing.
        """
        from keras_kd.utils import processors

        found = []
        for threads in dict.fromkeys((1, processors.usable())):
            runner = self.open(path, threads)
            found.append(({"threads": runner.threads}, runner))
            if runner.threads is None:
                break
        return found

    def remarks(self, facts):
        """What the report says of a file beside its table, from the facts of `report.json`.

        Args:
            facts: dict, the format's entry in `exports`, perhaps of an older version.

        Returns:
            list of str, to stand behind the format's name and a colon, without a full stop.
        """
        told = [facts["fallback"]] if facts.get("fallback") else []
        if not agrees(facts):
            told.append(_disagreement(facts))
        return told


def agrees(facts):
    """Whether a file answers like the Keras student, as often as its run asked for.

    Args:
        facts: the format's entry in `exports`, perhaps of an older version or not yet measured.
    """
    share, least = facts.get("agreement_with_keras"), facts.get("min_agreement", MIN_AGREEMENT)
    return not (words.is_number(share) and words.is_number(least)) or share >= least


def _disagreement(facts):
    told = (
        f"answers like the Keras student on only {words.percent(facts['agreement_with_keras'])} "
        "of the test images"
    )
    return f"{told}; {losses_of(facts)}" if losses_of(facts) else told


def losses_of(facts):
    """Which layers lose most, in words; empty where that was not measured."""
    names = [str(loss[0]) for loss in facts.get("losses") or [] if loss]
    return f"the layers that lose most: {', '.join(names)}" if names else ""
