"""What the learners of a phase find: images, and the outputs of those that they follow."""

import functools

import tensorflow as tf
from keras import ops

from keras_kd.distillation import seeds
from keras_kd.models.output import two_classes


class Sources:
    """Mixin of `KDModel`: what runs outside the gradient tape, each network once a step."""

    def _before(self, one, batch, count, total, seen):
        """A phase's batch, and the outputs of those that neither learn nor pass gradients on."""
        maker = one.phase.images
        if maker:
            if stored := [name for name in batch if name.endswith("_logits")]:
                raise ValueError(
                    "Targets that were computed before are not those of images that a network "
                    f"makes. Received: {', '.join(stored)} in the batch, and images={maker!r} in "
                    f"phase {one.phase.name!r}. Leave them out, so that the teacher itself runs."
                )
            if one.makes_images:
                return {"noise": self._noise(maker, count, total)}, {}
            if (maker, maker) not in seen:
                made = self.networks[maker].model(self._noise(maker, count, total), training=False)
                seen[maker, maker] = {"image": made}
            batch = seen[maker, maker]
        for name in one.outside:
            if (maker, name) not in seen:
                seen[maker, name] = self._answer(name, batch)
        return batch, {name: seen[maker, name] for name in one.outside}

    def _noise(self, maker, count, total):
        shape = self.networks[maker].model.input_shape[1:]
        return seeds.noise(
            ops.cast(count, "int32"), ops.cast(total, "int32"), shape, self._key(maker)
        )

    def made_images(self, count):
        """Some of the images that a network makes for the student, not those of any step.

        Args:
            count: how many.

        Returns:
            float32 array `[count, H, W, C]` in [-1, 1]; None where the student sees the data's.
        """
        makers = [one.phase.images for one in self._passes() if "student" in one.phase.learners]
        if not makers[0]:
            return None
        model = self.networks[makers[0]].model
        key = seeds.of_network(self.seed or 0, f"{makers[0]}/shown", 0)
        noise = tf.random.stateless_normal((count, *model.input_shape[1:]), key, alg="philox")
        return model(noise, training=False).numpy()

    def _key(self, name):
        """Random numbers of this step for one network, the same on all replicas."""
        return seeds.of_network(self.seed or 0, name, self.step)

    def _answer(self, name, batch, at_rest=False):
        """A source's outputs: from the batch, or from the network itself.

        `at_rest`: as it is evaluated, without labels and draws; who can only be asked with a seed
        is asked so all the same.
        """
        if f"{name}_logits" in batch:
            tapping = [m.name for m in self.methods if m.teacher_taps and name in m.sources]
            if tapping:
                raise ValueError(
                    f"'{name}_logits' in the batch stand for the {name}, and have no features. "
                    f"Received: teacher_taps of {', '.join(tapping)}. Leave these methods out, or "
                    f"'{name}_logits', so that the {name} itself runs."
                )
            return {"logits": self._stored_logits(name, batch[f"{name}_logits"])}
        if name not in self.networks:
            raise ValueError(
                "There is no one to learn from: give KDModel a teacher, or batches with "
                f"'{name}_logits'. Received: {name}=None, batch with {sorted(batch)}."
            )
        network = self.networks[name]
        resting = at_rest and callable(network.model)
        answer = network.answer(batch, None if resting else functools.partial(self._key, name))
        return tf.nest.map_structure(tf.stop_gradient, answer)

    def _stored_logits(self, name, logits):
        logits = two_classes(logits)
        student = self.networks["student"].shapes((), self.student.input_shape)["logits"]
        if tuple(logits.shape[1:]) != student[1:]:
            raise ValueError(
                f"{name}_logits must be [B, K] with the student's K classes. Received: "
                f"{name}_logits of shape {tuple(logits.shape)}, student of "
                f"{student}. Compute them with a teacher of these classes."
            )
        return ops.cast(logits, "float32")
