"""Verification against answers worked out by hand, and timing, of files given by their paths."""

import numpy as np
import pytest
from batched import in_batches

from keras_kd.export import benchmark, verify


def test_float32_agrees_and_counts_wrong_answers(exported, images, truth, batch_norm_net):
    logits, labels = truth
    seen = []
    for reference in (logits, batch_norm_net):
        dataset = in_batches(images, labels)
        result = verify(reference, exported("float32")[0], dataset, progress=seen.append)
        assert result["accuracy"] == 12 / 16 and result["agreement_with_keras"] == 1.0
        assert result["examples"] == 16 and result["max_abs_logit_difference"] < 1e-4
    assert seen == [5, 10, 15, 16] * 2


def test_another_network_is_caught(exported, images, truth):
    """Shifted reference: top classes and the largest difference are known beforehand."""
    logits, labels = truth
    shifted = logits.copy()
    shifted[:8, :] -= 5 * np.eye(3)[logits[:8].argmax(-1)]
    expected = (shifted.argmax(-1) == logits.argmax(-1)).mean()
    result = verify(shifted, exported("float32")[0], in_batches(images, labels))
    assert result["agreement_with_keras"] == expected < 1
    assert result["max_abs_logit_difference"] == pytest.approx(5, abs=1e-3)
    assert result["accuracy"] == 12 / 16  # the file's own answers, not the reference's


def test_one_hot_labels_dicts_and_no_labels(exported, images, truth):
    path = exported("float32")[0]
    hot = [({"student": images, "teacher": images[:, ::2]}, np.eye(3)[truth[1]])]
    assert verify(truth[0], path, hot)["accuracy"] == 12 / 16
    assert verify(truth[0], path, [images])["accuracy"] is None


def test_latency_is_positive(exported):
    timed = benchmark(exported("float32")[0], runs=20, warmup=2)
    assert 0 < timed["latency_ms"] <= timed["p90_ms"]
    assert (timed["runs"], timed["threads"]) == (20, 1)


def test_mistakes_are_named(exported, images, truth, tmp_path):
    path = exported("float32")[0]
    logits, labels = truth
    with pytest.raises(ValueError, match=r"which is neither\. Export the student first"):
        verify(logits, tmp_path / "none.tflite", in_batches(images, labels))
    (tmp_path / "text.tflite").write_text("not a flatbuffer, but long enough to be looked at")
    with pytest.raises(ValueError, match="Expected a TFLite file"):
        benchmark(tmp_path / "text.tflite")
    with pytest.raises(ValueError, match="Received: an empty dataset"):
        verify(logits, path, [])
    with pytest.raises(ValueError, match="Received: 17 rows"):
        verify(np.concatenate([logits, logits[:1]]), path, in_batches(images, labels))
    with pytest.raises(ValueError, match=r"Received: shape \(5, 2\)"):
        verify(logits[:, :2], path, in_batches(images, labels))
    with pytest.raises(ValueError, match="Received: runs=0, warmup=10"):
        benchmark(path, runs=0)
    with pytest.raises(ValueError, match="Received: threads=0"):
        benchmark(path, threads=0)
