"""Scripts that leave with the files: each runs alone, without TensorFlow and without keras-kd."""
