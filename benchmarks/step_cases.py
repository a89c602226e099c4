"""The cases of benchmarks/step.py, free of any framework: names, sizes, settings."""

# A network is (kind, settings). Both frameworks build the same one from it. The teacher sees images
# of `side` px; where there is a `pool`, the student begins with a mean over so many pixels a side.
CASES = {
    "a": {
        "title": "BiT-R50x2 -> BiT-R50x1, 128 px, batch 8",
        "teacher": ("bit", {"depth": 50, "width": 2}),
        "student": ("bit", {"depth": 50, "width": 1}),
        "side": 128, "batch": 8,
    },
    "b": {
        "title": "BiT-R152x2 -> BiT-R50x1, 128 px, batch 4",
        "teacher": ("bit", {"depth": 152, "width": 2}),
        "student": ("bit", {"depth": 50, "width": 1}),
        "side": 128, "batch": 4,
    },
    "c": {
        "title": "ResNet-50 -> MobileNetV3-Small, 96 px, batch 32",
        "teacher": ("resnet50", {}),
        "student": ("mobilenet_v3_small", {}),
        "side": 96, "batch": 32,
    },
    "d": {  # of benchmarks/funmatch_study.py
        "title": "EfficientNet-Lite0, 96 px -> BiT of one unit a stage, width 1/4, 48 px, batch 72",
        "teacher": ("efficientnet_lite0", {}),
        "student": ("bit", {"depth": (1, 1, 1, 1), "width": 0.25}),
        "side": 96, "pool": 2, "batch": 72,
    },
}  # fmt: skip
CLASSES = 37
LEARNING_RATE, WEIGHT_DECAY, CLIP = 1e-3, 1e-4, 1.0

# keras-kd's own run with TensorFlow's oneDNN kernels, as its commands do, but for `_plain` ones;
# the others with what TensorFlow chooses on this processor, but for `_onednn` ones.
OURS = (
    "keras_kd", "keras_kd_xla", "keras_kd_plain", "cached", "cached_xla", "cached_plain",
    "student", "teacher", "teacher_plain",
)  # fmt: skip
PLAIN, ONEDNN = "_plain", "_onednn"
KERAS_PEERS = OURS + (
    "distiller", "distiller_xla", "distiller_onednn", "notebook", "notebook_onednn",
)  # fmt: skip
TORCH_PEERS = ("torch", "torch_compile", "torch_student", "torch_teacher")
PEERS = KERAS_PEERS + TORCH_PEERS
