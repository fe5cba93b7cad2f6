"""Captions of training pictures with one or two main objects."""

import random

ONE = [
    '{}',
    '{}',
    'a {}.',
    'a {}.',
    'a picture of a {}.',
    'a picture of a {}.',
    'a photo of a {}.',
    'an image of a {}.',
    'a drawing of one {} on a busy background.',
    'this is a picture of a {}.',
    'the {}',
    'a small picture of a {} with some other things around it.',
]
TWO = [
    'a {} and a {}.',
    'a picture of a {} and a {}.',
    '{} with a {}',
    'a {} next to a {}.',
    'there is a {} and also a {} in this picture.',
]


def caption(W, a, b):
    """a, b: concept ids, b may be None"""
    n = W.name[a]
    if b is None and W.tags[a] and random.random() < 0.15:
        t = random.choice(W.tags[a])
        n = random.choice([t, f'{n}, {t}', f'{t} {n}'])
    return random.choice(ONE).format(n) if b is None else random.choice(TWO).format(*random.sample([n, W.name[b]], 2))
