"""python sheets.py DATA RUN.pt OUTDIR : benchmark.png (pictures of every set) and regions.png (ID-irrelevant regions of test pictures greyed out)"""

import random
import sys
import torch
from PIL import Image, ImageDraw
from benchmark import PIC, Bench, features, load
from pictures import pictures, texture
from roles import HELD_SETS
from tokenizer import Tok
from world import World

D, pt, out = sys.argv[1:4]
torch.set_num_threads(1)
W = World(D)
C = W.id_classes
r = random.Random(3)


def draw(rows, path, z=2, left=150):
    n = max(len(p) for _, p, _ in rows)
    im = Image.new('RGB', (left + n * (64 * z + 4), len(rows) * (64 * z + 18)), 'white')
    d = ImageDraw.Draw(im)
    for y, (name, ps, caps) in enumerate(rows):
        d.multiline_text((4, y * (64 * z + 18) + 40), name, fill='black')
        for x, p in enumerate(ps):
            X, Y = left + x * (64 * z + 4), y * (64 * z + 18)
            im.paste(Image.fromarray(p.permute(1, 2, 0).numpy()).resize((64 * z, 64 * z), Image.NEAREST), (X, Y))
            d.text((X + 2, Y + 64 * z + 2), caps[x][:21], fill='black')
    im.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def some(cs, seed, n=9):
    cs = r.sample(list(cs), n)
    return pictures(W, cs, HELD_SETS, seed, **PIC), [W.name[c] for c in cs]


g = torch.Generator().manual_seed(4)
rows = (
    [('ID (50 animals)', *some(C, 11))]
    + [(f'OOD\n{k}', *some(v, 12 + i)) for i, (k, v) in enumerate(W.ood.items())]
    + [
        ('OOD\ntextures', (texture(9, g) * 255).round().byte(), [''] * 9),
        ('near-OOD\n(other animals)', *some(W.near, 16)),
        ('unseen concepts', *some(sorted(W.unseen), 17)),
    ]
)
draw(rows, f'{out}/benchmark.png')
M = load(pt)
B = Bench(M, W, Tok(f'{D}/merges.txt'), 1, 50)
d = B.shots(4, 1, 4, 0.5)
z = B.zero_text()
lo, _ = B.train(d, 1)
co, _ = B.train(d, 1, lam=0)
cs = r.sample(range(50), 9)
x = pictures(W, [C[i] for i in cs], HELD_SETS, 99, **PIC)
f = features(M, x)
y = torch.tensor(cs)


def grey(t):
    s = f[1] @ t.T
    irr = (
        ((s > s.gather(2, y[:, None, None].expand(-1, 64, 1))).sum(2) >= 10)
        .view(-1, 1, 8, 8)
        .repeat_interleave(8, 2)
        .repeat_interleave(8, 3)
    )
    return torch.where(irr, (x.float().mean(1, keepdim=True) * 0.15 + 185).byte().expand_as(x), x), [
        W.name[C[i]] for i in (f[0] @ t.T).argmax(1).tolist()
    ]


draw(
    [
        ('test picture\n(true name)', x, [W.name[C[i]] for i in cs]),
        ('zero-shot\ngrey: true class\nnot in top 10 of 50\n(named as)', *grey(z)),
        ('CoOp 4-shot', *grey(co)),
        ('LoCoOp 4-shot', *grey(lo)),
    ],
    f'{out}/regions.png',
)
