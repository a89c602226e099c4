"""What a teacher of a mode `fix/*` sees: one view of each example, or many whose mean counts.

A view is a pure function of (seed, example, number of the view). So a teacher's targets can be
computed once, in pieces, in any process, and belong to the example and not to a step.
"""

import numpy as np
import tensorflow as tf

from keras_kd.data import assembly, modes
from keras_kd.data.decode import decoder
from keras_kd.data.resize import DEFAULT, MIXED, check_kernel
from keras_kd.data.sources import load_source
from keras_kd.data.views import MOST_CROPS, Views
from keras_kd.utils.integers import check_integer


class FixedViews:
    """The teacher's views of every example of a split, under a mode `fix/*`.

    `fix/rs` shows the whole image, `fix/cc` its central crop, `fix/ic_ens` as many inception crops
    as asked for, of which half are mirrored where the student's are.

    Args:
        source: a `Source`, or a name for `load_source`.
        split: split expression.
        mode: `fix/rs`, `fix/cc` or `fix/ic_ens`; or a `Views` with `fixed`.
        resolution: side of the teacher's images in pixels.
        crops: views of each example under `fix/ic_ens`, in [1, 2**20]; the paper's is 1,024. The
            other modes have one.
        seed: int, the seed of the run.
        resize: kernel, see `keras_kd.data.resize`; a mixed one is the student's, and the teacher
            sees the default's images.
        **options: of a mode, see `Views.of_mode`.

    Raises:
        ValueError: another mode, or an argument out of its range.

    Reference: L. Beyer et al., "Knowledge distillation: A good teacher is patient and consistent",
        2021, arXiv:2106.05237, section 3.
    """

    def __init__(
        self, source, split, mode, resolution, *, crops=1024, seed=0, resize=DEFAULT, **options
    ):
        self.views = Views.of(mode, **options)
        if self.views.fixed is None:
            fixed = ", ".join(name for name, row in modes.MODES.items() if "fixed" in row)
            raise ValueError(
                f"Targets that are computed once belong to {fixed}. Received: mode={mode!r}, under "
                "which the teacher sees every batch."
            )
        check_integer("resolution", resolution, 1)
        check_integer("crops", crops, 1)
        if crops > MOST_CROPS:
            raise ValueError(f"crops must be at most {MOST_CROPS:,}. Received: crops={crops!r}")
        self.resolution, self.seed = resolution, seed
        self.source, self.split = load_source(source), split
        self.examples = self.source.split(split)
        check_kernel("resize", resize)
        self.resize = DEFAULT if resize == MIXED else resize
        self.crops = crops if self.views.averaged else 1

    @property
    def averaged(self):
        """Whether an example's target is the mean over many views."""
        return self.views.averaged

    @property
    def num_examples(self):
        """Number of examples N."""
        return self.examples.num_examples

    def describe(self):
        """What the views depend on beside the examples: a flat dict of what counts in this mode."""
        seen = {f"views.{name}": value for name, value in self.views.describe().items()}
        seen["views.teacher_resolution"] = self.resolution
        if self.resize != DEFAULT:
            seen["views.resize"] = self.resize
        return seen | (
            {"views.crops": self.crops, "seed": self.seed} if self.views.averaged else {}
        )

    def at(self, positions, numbers=0):
        """Some views of some examples.

        Args:
            positions: int `[B]`, positions of examples in the split.
            numbers: int `[B]`, or one for all: which view of each.

        Returns:
            float32 tensor `[B, L, L, C]` in [-1, 1].
        """
        positions = np.asarray(positions, np.int64)
        numbers = np.broadcast_to(np.asarray(numbers, np.int64), positions.shape)
        one = tf.data.Dataset.from_tensors((positions, numbers))
        return next(iter(self._images(one, len(positions), 1)))

    def stream(self, batch_size, start=0):
        """All views of all examples, those of one example after those of the one before.

        Args:
            batch_size: views a batch.
            start: the batch to begin with.

        Returns:
            `tf.data.Dataset` of float32 `[batch_size, L, L, C]`; the last batch is filled up with
            the last view.
        """
        check_integer("batch_size", batch_size, 1)
        total = self.num_examples * self.crops
        count = -(-total // batch_size)

        def pairs(step):
            ranks = step * batch_size + tf.range(batch_size, dtype=tf.int64)
            ranks = tf.minimum(ranks, total - 1)
            return ranks // self.crops, ranks % self.crops

        steps = assembly.map_parallel(tf.data.Dataset.range(start, count), pairs)
        return self._images(steps, batch_size, count - start)

    def _images(self, pairs, batch_size, cardinality):
        """Batches of the views that `pairs` of positions and numbers ask for."""

        def plan(positions, numbers):
            sizes = tf.gather(self.examples.sizes, positions)
            ids = tf.gather(self.examples.ids, positions)
            drawn = self.views.draw_fixed(sizes, ids, numbers, self.seed)
            return {"position": positions, "views": drawn}

        groups, _ = assembly.group_rows(range(batch_size), batch_size, mixed=False)
        outputs = {"image": ("fixed", self.resolution, self.views.modality_of("teacher"))}
        decode = decoder(self.examples, self.views, outputs, resize=self.resize)
        data = assembly.batches(pairs, plan, self.examples, groups, decode, batch_size)
        data = assembly.map_parallel(data, lambda image, label: image)
        return assembly.finished(data, cardinality)
