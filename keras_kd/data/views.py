"""What teacher and student see: lists of image ops, under the name of a teaching mode or not."""

from dataclasses import dataclass, replace

import tensorflow as tf

from keras_kd.data import modes, op_text
from keras_kd.data.modality import BOTH, Modality
from keras_kd.data.ops.base import Mixer
from keras_kd.data.random_streams import Stream
from keras_kd.data.view import View, parse_mixer
from keras_kd.utils.names import nearest

MOST_CROPS = 2**20  # of one example, that an example's number leaves room for


@dataclass(frozen=True)
class Views:
    """What teacher and student see of a batch.

    Attributes:
        student: the student's `View`, or its text.
        teacher: the teacher's own one; None where it sees the student's.
        mix: a `Mixer`, or its text, that mixes the batch in all views; None for none.
        fixed: what the teacher saw when its targets were computed, once an example; None where it
            sees every batch. See `keras_kd.data.fixed`.
        further: names of others that see what the student does, each in draws of its own;
            None for nobody.
        modality: a `keras_kd.data.modality.Modality` of the student, or of both; None: both see
            images as they are.

    Raises:
        ValueError: bad texts, or views that exclude one another.
    """

    student: View
    teacher: View | None = None
    mix: Mixer | None = None
    fixed: View | None = None
    further: tuple | None = None
    modality: Modality | None = None

    def __post_init__(self):
        for name in ("student", "teacher", "fixed"):
            value = getattr(self, name)
            if not isinstance(value, View) and (name == "student" or value is not None):
                object.__setattr__(self, name, View.parse(value, name))
        if self.mix is not None and not isinstance(self.mix, Mixer):
            object.__setattr__(self, "mix", parse_mixer(self.mix))
        for name, why in (("teacher", "the teacher sees no batch"), ("mix", "no batch is mixed")):
            value = getattr(self, name)
            if self.fixed is not None and value is not None:
                raise ValueError(
                    f"{name} must be left out where targets are computed once an example: {why}. "
                    f"Received: {name}={str(value)!r}, fixed={str(self.fixed)!r}."
                )

    @classmethod
    def of_mode(cls, name, **options):
        """The views of a teaching mode.

        Args:
            name: a key of `keras_kd.data.modes.MODES`.
            **options: flip: whether half of the images are mirrored; off where left and right have
                a meaning. crop_area: bounds of the area of an inception crop, fractions in (0, 1].
                crop_aspect: bounds of its width over height. rc_scale: resized short side over the
                side of a random crop, at least 1. mixup_alpha: Beta(alpha, alpha) of the mixing
                coefficient, positive; 1 is uniform.

        Raises:
            ValueError: an unknown mode or option, or an option out of its range.
        """
        return cls(**modes.texts(name, options))

    @classmethod
    def of(cls, what, **options):
        """The views that somebody asks for.

        Args:
            what: the name of a teaching mode, a `Views`, the text of a view that both share, or a
                dict of texts: `student`, and `teacher`, `mix` or `fixed`.
            **options: of a mode, see `of_mode`; texts hold their own.

        Raises:
            ValueError: as `of_mode`, bad texts, or options beside them.
        """
        is_text = isinstance(what, str) and ("|" in what or "(" in what or what in op_text.OPS)
        if not is_text and not isinstance(what, dict | Views):
            return cls.of_mode(what, **options)
        if options:
            raise ValueError(
                "Views that are given as texts hold all that is to be said of them. Received: "
                f"{', '.join(options)} beside mode={what!r}. Write it into the text."
            )
        if isinstance(what, dict):
            known = ("student", "teacher", "mix", "fixed")
            for key in what:
                if key not in known:
                    raise ValueError(
                        f"Texts of views are {', '.join(known)}. Received: {key!r}."
                        f"{nearest(key, known)}"
                    )
            return cls(**{"student": None, **what})
        return what if isinstance(what, Views) else cls(what)

    @property
    def mixes(self):
        """Whether batches are mixed, so that labels are, too."""
        return self.mix is not None

    @property
    def averaged(self):
        """Whether a fixed target is the mean over many crops: its view is a random one."""
        return self.fixed is not None and self.fixed.random

    def for_one(self, further=()):
        """What a single model sees that learns without a teacher: what a student would.

        Args:
            further: names of others that see it in draws of their own.
        """
        alone = self.modality and replace(self.modality, roles=BOTH)
        return replace(self, teacher=None, further=tuple(further) or None, modality=alone)

    def of_role(self, role):
        """The `View` of a role: `student`, `teacher`, `fixed` or one of `further`."""
        return self.student if role in (self.further or ()) else getattr(self, role)

    def for_teacher(self):
        """The same where the teacher alone looks: without a modality that is the student's."""
        return replace(self, modality=self.modality_of("teacher"))

    def modality_of(self, role):
        """The `Modality` that a role sees, `student` or `teacher`; None: the images as they are."""
        return self.modality if self.modality and role in self.modality.roles else None

    def describe(self):
        """What the teacher's answers depend on: a flat dict of the mode and the options that count.

        Views that are equal to those of a mode have its name, however they were given; others are
        their text.
        """
        found = modes.seen(self._texts())
        mode, options = modes.named(found, modes.seen) or (_joined(found), {})
        own = self.modality_of("teacher")
        return {"mode": mode, **options, **({"modality": str(own)} if own else {})}

    def __str__(self):
        """The mode, or the texts of what is no mode."""
        mode, options = modes.named(self._texts()) or (None, {})
        plain = replace(self, modality=None, further=None)
        is_mode = mode is not None and Views.of_mode(mode, **options) == plain
        text = mode if is_mode else _joined(self._texts())
        if self.modality is None:
            return text
        return f"{text}; {' and '.join(self.modality.roles)}: {self.modality}"

    def _texts(self):
        # Who else looks does not change what teacher and student see.
        rest = ("further", "modality")
        own = {name: ops for name, ops in vars(self).items() if name not in rest}
        return {name: str(ops) for name, ops in own.items() if ops is not None}

    def draw(self, sizes, seed, step):
        """Boxes and what else is drawn for a whole batch, all of the global batch.

        Args:
            sizes: int32 `[B, 2]`.
            seed: int, the seed of the run.
            step: int64 scalar.

        Returns:
            dict of role (`student`, `teacher` where it has a view of its own, and `further`) -> as
            of `View.draw`.
        """
        roles = ("student", "teacher", *(self.further or ()))
        views = {role: self.of_role(role) for role in roles}
        return {
            role: view.draw(role, sizes, seed, step)
            for role, view in views.items()
            if view is not None
        }

    def draw_mix(self, seed, step):
        """What `mix` draws for the global batch of a step."""
        return self.mix.draw(Stream(seed, self.mix.stream, step))

    def draw_fixed(self, sizes, ids, numbers, seed):
        """As `draw`, for what a teacher sees once an example: the same whoever stands beside it.

        Args:
            sizes: int32 `[B, 2]`.
            ids: int64 `[B]`, the examples' ids, at least 0.
            numbers: int64 `[B]`, which view of each example, in [0, `MOST_CROPS`).
            seed: int, the seed of the run.
        """
        counters = tf.cast(ids, tf.int64) * MOST_CROPS + numbers
        return {"fixed": self.fixed.draw("fixed", sizes, seed, counters)}


def _joined(found):
    return "; ".join(f"{role}: {text}" for role, text in found.items())
