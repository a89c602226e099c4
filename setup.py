"""Package metadata. `pip install .` and `pip install -e .` give the same three packages."""

from pathlib import Path

from setuptools import find_packages, setup

# `configs/` and `export/` stand at the top of the repository, at the rim of the design, and
# install inside the `keras_kd` name space so that no greedy name lands in site-packages.
OUTER = find_packages(include=["configs", "configs.*", "export", "export.*"])
RIM = {f"keras_kd.{package}": package.replace(".", "/") for package in OUTER}

setup(
    name="keras-kd",
    version="0.1.0",
    description="Knowledge distillation for image classifiers in TensorFlow and Keras.",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["keras_kd", "keras_kd.*"]) + list(RIM),
    package_dir=RIM,
    package_data={
        "keras_kd.export": ["templates/*", "templates/sections/*"],
        "keras_kd.export.micro": ["sources/*"],
        "keras_kd.export.web": ["page/*"],
    },
    install_requires=[
        "absl-py>=2.0",
        "ai-edge-litert>=1.2",
        "filelock>=3.20",
        "flatbuffers>=24.3.25",
        "importlib-resources>=6.0",  # tensorflow-datasets needs it to download and does not say so
        "jinja2>=3.1",
        "keras>=3.12",
        "matplotlib>=3.8",
        "ml-collections>=1.0",
        "numpy>=1.26",
        "pillow>=10.0",
        "scikit-learn>=1.4",
        "scipy>=1.11",
        "tensorboard>=2.19",
        "tensorflow>=2.20",
        "tensorflow-datasets>=4.9.7",
        "tensorflow-hub>=0.16.1",
        "tf-keras>=2.20",  # reads model files that Keras 3 cannot; tensorflow-hub needs it too
        "tqdm>=4.66",
        "setuptools<81",  # tensorflow-hub 0.16 still imports pkg_resources
    ],
    extras_require={
        "micro": ["tflite-micro"],  # students in C, run as a microcontroller runs them
        "onnx": [  # teachers that another framework exported, and students for others
            "onnx>=1.17",
            "onnxruntime>=1.20",
            "tf2onnx>=1.17",
        ],
        "quantize": ["litert-quantizer>=0.11"],  # a second opinion on int4 files, for tests
        "search": ["optuna>=5.0"],  # keras-kd-search
        "dev": [
            "onnx>=1.17",
            "onnxruntime>=1.20",
            "optuna>=5.0",
            "pytest>=8",
            "pytest-xdist>=3.5",
            "ruff>=0.9",
            "selenium>=4.20",  # drives Chromium, where that is installed
            "tf2onnx>=1.17",
            # Published for these machines alone; on others its tests are skipped.
            "tflite-micro; platform_system == 'Linux' and platform_machine == 'x86_64'",
        ],
    },
    entry_points={
        "console_scripts": [
            "keras-kd-train=keras_kd.commands.train:main",
            "keras-kd-search=keras_kd.commands.search:main",
            "keras-kd-teach=keras_kd.commands.teach:main",
            "keras-kd-evaluate=keras_kd.commands.evaluate:main",
            "keras-kd-data=keras_kd.commands.serve:main",
            "keras-kd-export=keras_kd.commands.export:main",
            "keras-kd-report=keras_kd.commands.report:main",
        ]
    },
)
