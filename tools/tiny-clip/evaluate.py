"""The tables: zero-shot, CoOp and LoCoOp on the benchmark, FPR95/AUROC per OOD set."""

import argparse
import json
import statistics as st
import sys
import time
import torch
from benchmark import PIC, Bench, load, shared_prefix_text
from tokenizer import Tok
from world import World

P = argparse.ArgumentParser(description=__doc__)
P.add_argument('data', help='folder with sprites.*, concepts.json and merges.txt')
P.add_argument('weights', help='checkpoint of train.py, or tiny-clip.safetensors')
P.add_argument('out', help='JSON file with every figure')
P.add_argument('what', choices=['quick', 'zero', 'few'], help='quick: smoke run; zero: zero-shot; few: CoOp and LoCoOp')
P.add_argument('--shots', type=int, nargs='+', default=[16, 4, 1])
P.add_argument('--seeds', type=int, default=5, help='few-shot seeds 1 to N')
P.add_argument('--lam', type=float, default=0.25)
P.add_argument('--topk', type=int, default=10)
P.add_argument('--contexts', type=int, default=16)
P.add_argument('--lo', type=float, default=PIC['lo'], help='smallest main object, share of the side')
P.add_argument('--hi', type=float, default=PIC['hi'], help='largest main object')
P.add_argument('--most', type=int, default=PIC['most'], help='most clutter objects')
P.add_argument('--threads', type=int, default=2)
A = P.parse_args()
PIC.update(lo=A.lo, hi=A.hi, most=A.most)
torch.set_num_threads(A.threads)
D, pt, out, what = A.data, A.weights, A.out, A.what
W = World(D)
M = load(pt)
t0 = time.time()
q = what == 'quick'
B = Bench(M, W, Tok(f'{D}/merges.txt'), *((4, 100) if q else (20, 500)))
n = len(B.y) + len(B.yv) + sum(len(f[0]) for f in B.ood.values()) + len(B.near[0]) + len(B.new[0])
print(f'{n} evaluation pictures, drawn and encoded in {time.time() - t0:.0f} s, scale {M.logit_scale.exp():.1f}', flush=True)
SETS = [*B.ood, 'avg', 'near', 'unseen']
R = {}


def row(name, reps, secs=None):
    """mean and standard deviation over seeds; FPR95/AUROC"""
    f = lambda v: f'{st.mean(v):5.1f}' + (f'±{st.stdev(v):3.1f}' if len(v) > 1 else '')
    R[name] = {str(k): [r[k] for r in reps] for k in reps[0]}
    print(f"{name:34s} acc {f([r['acc'] for r in reps])} val {f([r['val'] for r in reps])}" + (f' {st.mean(secs):.0f} s' if secs else ''))
    for m in ('MCM', 'L-MCM', 'GL-MCM'):
        print(f'   {m:7s}' + ' | '.join(f"{k} {f([r[m, k][1] for r in reps])}/{f([r[m, k][0] for r in reps])}" for k in SETS))
    sys.stdout.flush()
    json.dump(R, open(out, 'w'))


z = B.zero_text()
if what in ('quick', 'zero'):
    for T in (1.0, 0.3, 0.1, round(1 / M.logit_scale.exp().item(), 4)):
        row(f'zero-shot T={T}', [B.report(z, T)])
    print('locality', {k: round(v, 1) for k, v in B.locality(z).items()})
    a = M.encode_text(torch.tensor([B.tok.full(f'a picture of a {W.name[c]}.', 24) for c in W.id_classes]))
    pre = torch.tensor([[B.tok.sos] + B.tok.encode('a picture of a')])
    ids = [B.tok.encode(W.name[c] + '.') + [B.tok.eos] for c in W.id_classes]
    L = max(map(len, ids))
    b = shared_prefix_text(
        M,
        M.token_embedding(pre),
        M.token_embedding(torch.tensor([i + [0] * (L - len(i)) for i in ids])),
        torch.tensor([len(i) - 1 for i in ids]),
    )
    print('shared prefix error', (a - b).abs().max().item())
if q:
    d = B.shots(2, 1, 1)
    t, s = B.train(d, 1, steps=20)
    print('20 steps', s)
    row('q', [B.report(t)])


def runs(name, shots, views=4, crop=0.5, cache={}, **k):
    reps, secs = [], []
    for seed in range(1, 1 + A.seeds):
        if (shots, seed) not in cache:
            cache[shots, seed] = B.shots(shots, seed, views, crop)
        t, w = B.train(cache[shots, seed], seed, **k)
        secs.append(w)
        reps.append(B.report(t))
        reps[-1]['loc'] = B.locality(t, A.topk)
    row(f'{name} {shots}-shot', reps, secs)


if what == 'few':
    for shots in A.shots:
        for name, lam in (('CoOp', 0), ('LoCoOp', A.lam)):
            runs(name, shots, lam=lam, K=A.topk, n_ctx=A.contexts)
