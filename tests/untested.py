"""Modules without a test file of their own, and why. `test_architecture` keeps it exact."""

REASONS = {
    "commands/evaluate.py": "tests/run/test_evaluate.py starts it",
    "commands/serve.py": "tests/strategy/test_data_service.py: servers in processes of their own",
    "commands/teach.py": "tests/run/test_teach.py starts it",
    "distribution/replicas.py": "tests/strategy/test_replicas.py: devices in a process of its own",
    "optimizers/joint_update.py": "tests/strategy/test_optimizers.py and test_shampoo.py",
    "train.py": "two lines, which tests/commands/test_train.py starts",
    "data/image_files.py": "tests/data/test_folder.py and test_loose_folder.py read such files",
    "models/builders.py": "tests/models/test_build.py builds them by their names",
    "config/made_images.py": "tests/run/test_data_free.py: what it refuses, in whole configs",
    "run/made.py": "tests/run/test_data_free.py: what a run leaves",
    "run/budget/telling.py": "tests/run/budget/test_settle.py reads the lines",
    "models/wrap/rule.py": "tests/models/wrap/test_rules.py goes through every rule",
    "models/wrap/rule_weights.py": "tests/models/wrap/test_rules.py goes through every rule",
    "run/search/spaces/bit_resnet.py": "tests/run/search/test_proposals.py builds what it draws",
    "run/search/spaces/efficientnet_lite.py": "tests/run/search/test_proposals.py, as well",
    "run/search/spaces/mobilenet_v3_small.py": "tests/run/search/test_proposals.py, as well",
    "run/search/spaces/resnet.py": "tests/run/search/test_proposals.py, as well",
    "export/explain/files.py": "tests/export/explain/test_run.py measures such files",
    "export/onnx_file.py": "tests/export/formats/test_onnx.py writes and runs them",
    "utils/crops.py": "tests/data/ops/test_central_crop.py",
}
