"""Writes the event files of this folder: one by PyTorch's writer, and one with the messages of
TensorFlow 2, by TensorBoard's writer.

    python events.py
"""

from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from torch.utils.tensorboard import SummaryWriter

folder = Path(__file__).parent


def keep(name):
    """Renames the file that a writer has made, whose name has the time and the machine."""
    (made,) = folder.glob("events.out.tfevents.1[0-9]*.*")
    made.rename(folder / f"events.out.tfevents.{name}")


writer = SummaryWriter(str(folder))
for step, loss in [(3, 0.5), (1, 2.5), (2, float("inf"))]:
    writer.add_scalar("loss", loss, step, walltime=step)
writer.add_scalar("accuracy", 0.75, 3, walltime=3, new_style=True)
writer.add_scalar("rate", 0.1, 3, walltime=3, new_style=True, double_precision=True)
writer.add_text("note", "not a number", 3, walltime=3)
writer.close()
keep("pytorch")


def in_bytes(summary, dtype):
    """Puts the number into the tensor's bytes, as TensorFlow's operation does."""
    tensor = summary.value[0].tensor
    number = np.asarray((list(tensor.float_val) + list(tensor.double_val))[0], dtype)
    tensor.ClearField("float_val")
    tensor.tensor_content = number.tobytes()
    tensor.dtype = {"f4": 1, "f8": 2, "i4": 3}[dtype]
    return summary


vector = in_bytes(scalar_pb("vector", 1.0), "f4")
vector.value[0].tensor.tensor_shape.dim.add(size=1)
writer = EventFileWriter(str(folder))
for step, summary in [
    (5, in_bytes(scalar_pb("loss", 0.25), "f4")),
    (4, scalar_pb("loss", 0.375)),
    (6, in_bytes(scalar_pb("rate", 0.5), "f8")),
    (6, in_bytes(scalar_pb("count", 7), "i4")),
    (6, vector),
    (7, Summary(value=[Summary.Value(tag="old", simple_value=1.5)])),
]:
    writer.add_event(Event(step=step, wall_time=step, summary=summary))
writer.close()
keep("tensorflow")
