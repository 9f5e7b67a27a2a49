"""Reads event files with TensorBoard's own reader, and compares them with what was written."""

import math
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

EVERYTHING = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}


def load(folder):
    accumulator = EventAccumulator(str(folder), size_guidance=EVERYTHING)
    return accumulator.Reload()


folder = Path(sys.argv[1])
board = load(folder / "board")
tags = board.Tags()
steps = [point.step for point in board.Scalars("step/loss")]
assert steps == list(range(1, 61)), steps
for name in ["loss", "accuracy", "validation_loss", "validation_accuracy", "learning_rate"]:
    steps = [point.step for point in board.Scalars(f"epoch/{name}")]
    assert steps == [15, 30, 45, 60], (name, steps)
losses = [point.value for point in board.Scalars("epoch/loss")]
assert losses[-1] < losses[0], losses
limits = [point.value for point in board.Scalars("limits")]
assert math.isnan(limits[0]) and limits[1] == -math.inf, limits

kinds = {tag.split("/")[0] for tag in tags["histograms"]}
assert kinds == {"activations", "activation gradients", "parameters", "gradients"}, kinds
weights = [tag for tag in tags["histograms"] if tag.startswith("parameters/")]
for tag in weights:
    points = board.Histograms(tag)
    assert len(points) == 6, (tag, len(points))
    value = points[0].histogram_value
    assert value.num == sum(value.bucket), tag
    assert value.min <= value.sum / value.num <= value.max, tag
largest = max(board.Histograms(tag)[0].histogram_value.num for tag in weights)
assert largest == 64 * 16, largest

(image,) = board.Images("parabola")
assert image.encoded_image_string.startswith(b"\x89PNG")
assert image.width == 1080 and 500 < image.height < 800, (image.width, image.height)

texts = {tag: board.Tensors(tag)[0].tensor_proto.string_val[0].decode() for tag in tags["tensors"]}
assert "64" in texts["model"] and "batch size: `8`" in texts["settings"], texts
assert "digraph" in texts["graph"], texts["graph"]

cut = [point.value for point in load(folder / "cut").Scalars("step/loss")]
whole = [point.value for point in board.Scalars("step/loss")]
assert 0 < len(cut) < len(whole) and cut == whole[: len(cut)], len(cut)
print(f"TensorBoard reads {sum(map(len, (t for t in tags.values() if isinstance(t, list))))} tags,")
print(f"and {len(cut)} of {len(whole)} steps of the file that is cut off")
