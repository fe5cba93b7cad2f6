"""CLIP pre-training on emoji pictures. Stops by wall time, so the cosine follows the clock."""

import argparse
import json
import math
import os
import random
import time
import torch
import torch.nn.functional as F
from captions import caption
from model import CLIP
from pictures import S, background, normalise, paste, pictures, place, scatter
from roles import HELD_SETS, TRAIN_SETS
from tokenizer import Tok
from world import World

FLAGS = {
    'data': ('data', 'folder with sprites.*, concepts.json and merges.txt'),
    'more': ('', "folder with more.* (round 2's extra designs)"),
    'out': ('run', 'where the checkpoint goes, without .pt'),
    'minutes': (5.0, 'wall time; the cosine follows the clock'),
    'batch': (64, 'pictures per update and process'),
    'width': (128, 'vision width'),
    'layers': (5, 'vision layers'),
    'twidth': (128, 'text width'),
    'tlayers': (2, 'text layers'),
    'embed': (128, 'joint embedding'),
    'lr': (1.5e-3, 'learning rate'),
    'wd': (0.1, 'weight decay'),
    'reuse': (3, 'how often a composed picture is used on average'),
    'p16': (0.65, 'share of the time with 16 of 64 patches'),
    'p32': (0.23, 'share of the time with 32 patches'),
    'two': (0.25, 'share of pictures with two main objects'),
    'dense': (0.0, 'weight of the local loss'),
    'aux': (2.0, 'weight of the auxiliary classification'),
    'ls': (0.0, 'label smoothing'),
    'seed': (1, ''),
    'procs': (2, 'lock-free processes'),
    'most': (6, 'most clutter objects'),
    'log': (20, 'how many looks at ID accuracy'),
    'init': ('', 'checkpoint to go on from'),
    'ease0': (0.0, 'where the curriculum starts, 1 = at its end'),
    'pmore': (0.35, 'largest share of the extra designs'),
}
P = argparse.ArgumentParser(description=__doc__)
for k, (v, h) in FLAGS.items():
    P.add_argument('--' + k, type=type(v), default=v, help=h)
A = P.parse_args()
torch.set_num_threads(1)
torch.manual_seed(A.seed)
random.seed(A.seed)
W = World(A.data, A.more)
T = Tok(f'{A.data}/merges.txt')
L = 24
cfg = dict(
    image_size=S,
    patch_size=8,
    vision_width=A.width,
    vision_layers=A.layers,
    text_width=A.twidth,
    text_layers=A.tlayers,
    embed_dim=A.embed,
    context_length=32,
    vocab_size=T.size,
)
M = CLIP(cfg)
A.init and M.load_state_dict(torch.load(A.init)['sd'])
n_par = sum(p.numel() for p in M.parameters())
pool = W.pool()
spr = {c: [W.where[c][s] for s in TRAIN_SETS if s in W.where[c]] for c in pool}
wts = [W.weight[c] for c in pool]
more = {c: W.more.get(c, []) for c in pool}
pmore = {c: min(A.pmore, 0.1 + 0.07 * len(more[c])) if more[c] else 0 for c in pool}  # share of the extra designs
pick = lambda c: random.choice(more[c] if random.random() < pmore[c] else spr[c])
smalls = [i for c in pool if W.weight[c] >= 1 for i in spr[c]]
M.share_memory()
anchor = torch.nn.Parameter(torch.randn(len(pool), A.embed).share_memory_())
ascale = torch.nn.Parameter(torch.tensor(2.7).share_memory_())
if A.init:  # a restarted run begins with the text tower's own vectors as anchors
    with torch.no_grad():
        anchor.copy_(F.normalize(M.encode_text(torch.tensor([T.full(W.name[c], L) for c in pool])), dim=1) * A.embed**0.5)
dec = [p for n, p in M.named_parameters() if p.ndim > 1 and 'positional' not in n]
nod = [p for n, p in M.named_parameters() if p.ndim <= 1 or 'positional' in n] + [anchor, ascale]
moments = [(torch.zeros_like(p).share_memory_(), torch.zeros_like(p).share_memory_()) for p in dec + nod]
print(
    json.dumps(
        dict(params=n_par, concepts=len(pool), sprites=sum(map(len, spr.values())), more=sum(map(len, more.values())), args=vars(A))
    ),
    flush=True,
)

# the processes train one shared model without locks (Hogwild): no barrier, so a busy core costs only its own share
rank = next((r for r in range(1, A.procs) if os.fork() == 0), 0)
random.seed(A.seed + rank)
torch.manual_seed(A.seed + rank)
t0 = time.time()
progress = lambda: (time.time() - t0) / (60 * A.minutes)
ease = lambda: min(1, A.ease0 + (1 - A.ease0) * progress() / 0.35)  # curriculum: few and big objects first
# backgrounds with clutter are kept in a pool, renewed bit by bit; each use flips it and swaps its channels
g = torch.Generator().manual_seed(A.seed + rank)
POOL = 2048


def make(n):
    return (scatter(background(n, g), W, smalls, g, 1 + round((A.most - 1) * ease())).clamp(0, 1) * 255).byte()


bg = torch.cat([make(256) for _ in range(POOL // 256)])


def batch():
    B = A.batch
    x = bg[torch.randint(0, POOL, (B,))].float() / 255
    if random.random() < 0.5:
        x = x.flip(3)
    x = x[:, torch.randperm(3)]
    a = random.choices(pool, wts, k=B)
    b = [random.choice(pool) if random.random() < A.two * (ease() > 0.7) else None for _ in a]
    one = torch.tensor([pick(c) for c in a])
    i2 = [i for i, c in enumerate(b) if c is not None]
    turn = 1.05 if A.more else 0.6
    pa, pb = place(B, 0.8 - 0.45 * ease(), 1.05, g, True, turn), place(B, 0.3, 0.55, g, False, turn)
    aug = dict(W=W, g=g) if A.more else {}
    j = torch.tensor(i2)
    if len(i2):  # two objects: the first one is smaller and off to a side
        pa['scale'][j] = 0.3 + 0.3 * torch.rand(len(i2), generator=g)
        m = 1 - pa['scale'][j]
        ang = torch.rand(len(i2), generator=g) * 6.283
        pa['cx'][j], pa['cy'][j] = (1.5 * ang.cos()).clamp(-1, 1) * m, (1.5 * ang.sin()).clamp(-1, 1) * m
        m = 1 - pb['scale'][j]
        pb['cx'][j], pb['cy'][j] = (-1.5 * ang.cos()).clamp(-1, 1) * m, (-1.5 * ang.sin()).clamp(-1, 1) * m
        x[j], c2 = paste(x[j], W.big, torch.tensor([pick(b[i]) for i in i2]), **{k: v[j] for k, v in pb.items()}, cover=True, **aug)
    x, cov = paste(x, W.big, one, **pa, cover=True, **aug)
    if len(i2):
        cov[j] = cov[j].maximum(c2)
    if A.more:
        i = (torch.rand(B) < 0.12).nonzero().flatten()  # slight occlusion by a small clutter object
        if len(i):
            x[i] = paste(x[i], W.small, torch.tensor(random.choices(smalls, k=len(i))), **place(len(i), 0.14, 0.28, g, False))
        i = (torch.rand(B) < 0.2).nonzero().flatten()  # blur or sharpen
        if len(i):
            y = x[i]
            x[i] = y + (torch.rand(len(i), 1, 1, 1) * 1.6 - 0.9) * (y - F.avg_pool2d(y, 3, 1, 1, count_include_pad=False))
    k = torch.rand(B, 1, 1, 1) * 0.3 + 0.85
    x = ((x - 0.5) * k + 0.5 + (torch.rand(B, 1, 1, 1) - 0.5) * 0.15 + 0.03 * torch.randn_like(x)).clamp(0, 1)
    return normalise(x), a, b, cov


# composed pictures are kept in a buffer and used A.reuse times on average, each time with other patches dropped and a new caption
bufx = torch.empty(32 * A.batch, 3, S, S)
bufc = torch.empty(len(bufx), 64)
bufa, bufb = [0] * len(bufx), [None] * len(bufx)
made = 0


def fresh():
    global made
    o = made * A.batch % len(bufx)
    bufx[o : o + A.batch], bufa[o : o + A.batch], bufb[o : o + A.batch], bufc[o : o + A.batch] = batch()
    made += 1
    if made % 4 == 0:
        p = (made // 4 * 64) % POOL
        bg[p : p + 64] = make(64)


for _ in range(32):
    fresh()


def sample():
    i = torch.randint(0, len(bufx), (A.batch,))
    ab = [(bufa[j], bufb[j]) for j in i.tolist()]
    t = torch.tensor([T.full(caption(W, *p), L) for p in ab])
    t = t[:, : int(t.argmax(1).max()) + 1]
    key = torch.tensor([u if v is None else u * 10000 + v for u, v in ab])
    two = torch.tensor([(row[u], row[u if v is None else v]) for u, v in ab])
    return bufx[i], t, key, two, bufc[i]


row = {c: i for i, c in enumerate(pool)}
# `anchor` is auxiliary and thrown away afterwards: one free vector per concept, a dense set of negatives for both towers
allp = [(p, A.wd) for p in dec] + [(p, 0) for p in nod]


def adamw(lr, n, b1=0.9, b2=0.95):
    with torch.no_grad():
        for (p, wd), (m, v) in zip(allp, moments):
            m.lerp_(p.grad, 1 - b1)
            v.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
            p.mul_(1 - lr * wd).addcdiv_(m, (v / (1 - b2**n)).sqrt_().add_(1e-6), value=-lr / (1 - b1**n))


ema = {k: v.clone() for k, v in M.state_dict().items()}

# quick look at zero-shot on seen and held-out designs (ID classes only, no OOD picture is ever looked at here)
ev = {
    n: (normalise(pictures(W, W.id_classes * 6, s, 77, clutter_sets=s).float() / 255), torch.arange(50).repeat(6))
    for n, s in (('seen', TRAIN_SETS), ('held', HELD_SETS))
}
names = torch.tensor([T.full(f'a picture of a {W.name[c]}.', 16) for c in W.id_classes])


def look(m):
    m.eval()
    r = {}
    with torch.no_grad():
        t = F.normalize(m.encode_text(names), dim=1)
        for n, (x, y) in ev.items():
            f, l = m.encode_image(x, local=True)
            s = F.normalize(f, dim=1) @ t.T
            q = (F.normalize(l, dim=2) @ t.T).amax(1)
            r['acc_' + n] = round((s.argmax(1) == y).float().mean().item() * 100, 1)
            r['acc_' + n + '_local'] = round((q.argmax(1) == y).float().mean().item() * 100, 1)
    m.train()
    return r


step = 0
seen = 0
run = []
wait = 0
nextlook = 1 / A.log
while (fr := progress()) < 1:
    tw = time.time()
    step % A.reuse == 0 and fresh()
    x, t, key, two, cov = sample()
    wait += time.time() - tw
    lr = A.lr * min(1, (step + 1) / 150) * (0.5 * (1 + math.cos(math.pi * fr)) * 0.98 + 0.02)
    kp = 16 if fr < A.p16 else 32 if fr < A.p16 + A.p32 else 64
    keep = (
        None if kp == 64 else (torch.rand(len(x), 64) + 0.6 * torch.rand(len(x), 1) * cov).topk(kp, 1).indices
    )  # object patches are dropped less often
    out = M.encode_image(x, keep=keep, local=A.dense > 0)
    f, loc = out if A.dense > 0 else (out, None)
    f = F.normalize(f, dim=1)
    e = F.normalize(M.encode_text(t), dim=1)
    sc = M.logit_scale.exp().clamp(max=100)
    lo = sc * f @ e.T
    tgt = (key[:, None] == key[None]).float()
    tgt = tgt / tgt.sum(1, keepdim=True)
    loss = (F.cross_entropy(lo, tgt, label_smoothing=A.ls) + F.cross_entropy(lo.T, tgt.T, label_smoothing=A.ls)) / 2
    tot = loss
    if A.aux:
        n = F.normalize(anchor, dim=1)
        k = ascale.exp().clamp(max=60)
        ce = lambda z: sum(F.cross_entropy(k * z @ n.T, two[:, j]) for j in (0, 1)) / 2
        ax = ce(f)
        tot = tot + A.aux * (ax + ce(e)) / 2
    if loc is not None:  # weak local supervision: the mean of the 4 best regions should name the object too
        z = (F.normalize(loc, dim=2) @ n.T).topk(4, 1).values.mean(1)
        tot = tot + A.dense * sum(F.cross_entropy(k * z, two[:, j]) for j in (0, 1)) / 2
    for p, _ in allp:
        p.grad = None
    tot.backward()
    torch.nn.utils.clip_grad_norm_(M.parameters(), 1.0)
    adamw(lr, step * A.procs + 1)
    M.logit_scale.data.clamp_(max=math.log(100.0))
    step += 1
    seen += len(x)
    run.append(loss.item())
    d = min(0.996, (1 + step) / (10 + step))
    if rank:
        continue
    with torch.no_grad():
        for k, v in M.state_dict().items():
            ema[k].lerp_(v, 1 - d)
    if fr > nextlook:
        nextlook += 1 / A.log
        m2 = CLIP(cfg)
        m2.load_state_dict(ema)
        el = time.time() - t0
        print(
            json.dumps(
                dict(
                    min=round(el / 60, 1),
                    step=step,
                    seen=seen,
                    img_s=round(seen / el),
                    wait=round(wait / el, 2),
                    loss=round(sum(run[-100:]) / len(run[-100:]), 3),
                    scale=round(sc.item(), 1),
                    aux=round(ax.item(), 2),
                    **look(m2),
                )
            ),
            flush=True,
        )
        torch.save(dict(cfg=cfg, sd=ema), A.out + '.pt')
if rank:
    os._exit(0)
m2 = CLIP(cfg)
m2.load_state_dict(ema)
torch.save(dict(cfg=cfg, sd=ema), A.out + '.pt')
print(
    json.dumps(
        dict(done=True, step=step, seen=seen, minutes=round((time.time() - t0) / 60, 1), loss=round(sum(run[-100:]) / max(1, len(run[-100:])), 3), **look(m2))
    ),
    flush=True,
)
