"""TFLite in integers, with weights of 4 bits in convolutions and dense layers."""

from keras_kd.export.integers import Integers


class Int4(Integers):
    """Weights as they were trained, in 4, 3 or 2 bits; of a student in floats they are rounded."""

    order = 52
    title = "TFLite, integers, 4-bit weights"
    by_default = False  # rounded after training it costs accuracy

    def write(self, student, path, resolution=None, calibration_images=None, **needed):
        """As of files of integers; `trained_bits` tells whether weights were trained so."""
        from keras_kd.export import few_bits
        from keras_kd.export.network import student_of

        written = super().write(student, path, resolution, calibration_images, **needed)
        return written | {"trained_bits": few_bits.is_in_int4(student_of(student))}

    def in_few_bits(self, model, images):
        from keras_kd.export import few_bits

        return few_bits.in_int4(model, images)

    def packed(self, content):
        from keras_kd.export import int4_weights

        return int4_weights.packed(content)[0]

    def remarks(self, facts):
        told = super().remarks(facts)
        if facts.get("trained_bits") is False:
            told.append("weights were rounded to 4 bits after training")
        return told
