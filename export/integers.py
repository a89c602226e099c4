"""TFLite in integers: what the formats of this kind share.

Scheme: Jacob et al. 2017, arXiv:1712.05877.
"""

import functools
import logging

from keras_kd.export.format import agrees, losses_of
from keras_kd.export.layer_names import layer_of
from keras_kd.export.tflite import TFLite, card_of

_log = logging.getLogger(__name__)
LOOKED_AT = 16  # images on which the layers' errors are measured
MOST_LOSSES = 3


class Integers(TFLite):
    """Ranges of activations are measured on calibration images, from the training split.

    Attributes:
        float_norms: whether norms that measure each image, and the additions between them, stay
            in float32.
    """

    needs = (*TFLite.needs, "calibration_images")
    float_norms = True

    def set_up(self, converter, images, floats_allowed=False):
        import tensorflow as tf

        from keras_kd.export import quantizer

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        operations = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        operations += [tf.lite.OpsSet.TFLITE_BUILTINS] if floats_allowed else []
        converter.target_spec.supported_ops = operations
        converter.representative_dataset = lambda: ([image[None]] for image in images)
        quantizer.measure_only(converter)

    def write(self, student, path, resolution=None, calibration_images=None, **needed):
        """Converts and writes the student, in float32 where an operation has no int8 kernel.

        Args:
            student: as for `Format.write`.
            path: as for `Format.write`.
            resolution: as for `Format.write`.
            calibration_images: iterable of float arrays `[1, H, W, C]` or `[B, H, W, C]` in
                [-1, 1].
            **needed: as for `TFLite.write`.

        Returns:
            dict as of every TFLite file; `fallback` says why it is not integer throughout;
            `losses` are the layers that lose most, a list of [name, error in quantisation steps].

        Raises:
            ValueError: images that are missing or do not fit, or an operation that TFLite lacks.
        """
        from keras_kd.export import conversion, quantizer
        from keras_kd.export.calibration import checked_images
        from keras_kd.export.kept_layers import chosen_nodes
        from keras_kd.export.network import image_shape, layers_of, student_of

        options = needed.get("options")
        io, keep = (options.io, options.keep_float) if options else ("int8", ())
        card, model = card_of(student, resolution, **needed), student_of(student)

        def calibration():
            return checked_images(calibration_images, image_shape(model, resolution), self.name)

        if rounded := self.in_few_bits(model, calibration):
            if keep:
                raise _cannot_keep(keep)
            return self._write_rounded(rounded, path, resolution, card, io)
        images = calibration()
        measured, refused = self.measured(student, resolution, images, card.output)
        measured = quantizer.with_input_range(measured)
        norms = self.float_norms and quantizer.has_norms(measured)
        kept = quantizer.NORM if norms else ()
        nodes = chosen_nodes(measured, model, keep)
        content = quantizer.quantised(measured, io, kept, nodes=nodes)
        floats = conversion.float_tensors(content, inner=io == "float32")
        fallback = refused or _fallback(floats, norms, keep)
        if refused or (fallback and not norms and not keep):  # what was not meant
            _log.warning(
                "%s is not int8 throughout: %s. Float tensors: %s",
                path,
                fallback,
                _listing(floats),
            )
        written = self._finished(path, content, card, io, floats, fallback)
        errors = quantizer.layer_errors(measured, images[:LOOKED_AT], kept, nodes)
        names = {layer.name for layer in layers_of(model)}
        return written | {"losses": _largest(errors, names)}

    def in_few_bits(self, model, images):
        """The student as a network that knows its steps and ranges, or None: they are measured.

        Args:
            model: the student.
            images: function that gives calibration images, float32 `[N, H, W, C]`.
        """
        from keras_kd.export import few_bits
        from keras_kd.models.wrap import is_quantized

        return few_bits.known_ranges(model, images) if is_quantized(model) else None

    def packed(self, content):
        """The bytes of a file of such a network, perhaps in fewer."""
        return content

    def _write_rounded(self, model, path, resolution, card, io):
        """Writes a network of known steps and ranges, as `write`."""
        from keras_kd.export import conversion, few_bits

        content = self.packed(few_bits.converted(model, resolution, io, card.output))
        floats = conversion.float_tensors(content, inner=io == "float32")
        told = few_bits.fallback(content, floats)
        return self._finished(path, content, card, io, floats, told)

    def _finished(self, path, content, card, io, floats, fallback):
        written = self.finish(
            path,
            content,
            card,
            float_tensors=floats,
            fully_quantized=not fallback,
            fallback=fallback,
        )
        return written | {"io": io}

    def measured(self, student, resolution, images, output):
        """The student with measured ranges, still in floats.

        Args:
            student: as for `write`.
            resolution: as for `write`.
            images: float32 `[N, H, W, C]` in [-1, 1] to measure on.
            output: "logits" or "probabilities".

        Returns:
            (bytes of a TFLite file, None or why parts of it have no int8 kernel).
        """
        from keras_kd.export import conversion

        set_up = functools.partial(self.set_up, images=images)
        try:
            return conversion.convert_or_fail(student, resolution, set_up, output), None
        except conversion.ConversionFailed as failed:
            with_floats = functools.partial(set_up, floats_allowed=True)
            refused = f"some operations have no int8 kernel and run in float32 ({failed})"
            return conversion.convert(student, resolution, with_floats, output), refused

    def remarks(self, facts):
        told = super().remarks(facts)
        if agrees(facts) and facts.get("agreement_with_keras") != 1 and losses_of(facts):
            told.append(losses_of(facts))
        if facts.get("fully_quantized"):
            throughout = "no float tensor at all"
            if facts.get("io") == "float32":
                throughout = "no float tensor but the images and the answers"
            return [throughout, *told]
        return told


def _fallback(floats, norms, keep=()):
    """Why a file is not integer throughout, or None."""
    if not floats:
        return None
    if keep and not norms:
        return f"kept in float32, as was asked for: {', '.join(keep)}"
    if norms:
        return (
            "norms that measure each image, and additions, stay in float32, since integers would "
            "cost accuracy; format int8_full has them in integers"
        )
    return f"{len(floats)} tensors stay in float32 between dequantise and quantise"


def _cannot_keep(names):
    return ValueError(
        "keep_float must be empty for files whose steps are not measured: those of a student that "
        f"was trained in few bits, and format int4. Received: keep_float={','.join(names)}. Leave "
        "it out, or take int8 of a student in floats."
    )


def _listing(names, most=8):
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _largest(errors, layers):
    """The layers with the largest errors, as `losses`.

    Args:
        errors: name of a tensor -> error.
        layers: names of the student's layers.
    """
    found = {}
    for tensor, error in errors.items():
        name = layer_of(tensor, layers)
        found[name] = max(error, found.get(name, 0.0))
    ranked = sorted(found.items(), key=lambda item: -item[1])
    return [[name, round(error, 3)] for name, error in ranked[:MOST_LOSSES]]
