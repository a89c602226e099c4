"""Several replicas, devices and machines; free of TensorFlow at import."""
