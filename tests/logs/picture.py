"""Looks for the two curves of the loss in the picture of a report."""

import sys

from PIL import Image

TRAINING, VALIDATION = (0, 114, 178), (213, 94, 0)

for path in sys.argv[1:]:
    picture = Image.open(path).convert("RGB")
    counts = dict((color, count) for count, color in picture.getcolors(1 << 24))
    for name, color in [("training", TRAINING), ("validation", VALIDATION)]:
        assert counts.get(color, 0) > 500, (path, name, counts.get(color, 0))
    print(f"{path}: {picture.size}, both curves")
