"""Pillow's resize of pictures that are already decoded: the short side to `size`, the long side rounded down."""

import hashlib
from functools import cache

from common import timed


@cache
def decoded(paths):
    from PIL import Image

    pictures = [Image.open(path).convert("RGB") for path in paths]
    for picture in pictures:
        picture.load()
    return pictures


def resize(paths, size):
    from PIL import Image

    def small(picture):
        short, long = min(picture.size), max(picture.size)
        other = int(size * long / short)
        return picture.resize((size, other) if picture.width <= picture.height else (other, size), Image.BICUBIC)

    pictures = decoded(tuple(paths))
    results, time = timed(lambda: [small(picture) for picture in pictures])
    return {**time, "checksums": [hashlib.sha256(picture.tobytes()).hexdigest() for picture in results]}
