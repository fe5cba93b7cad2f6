"""Backgrounds, textures and the batched compositor (torch, CPU). The TypeScript compositor of the package follows the same rules."""

import random
import torch
import torch.nn.functional as F
from roles import HELD_SETS

S = 64


def up(x, g):
    return F.interpolate(x, (S, S), mode=g, **({} if g == 'nearest' else {'align_corners': False}))


def colour(B, g):  # mix of vivid, pastel, dark
    c = torch.rand(B, 3, 1, 1, generator=g)
    s = torch.rand(B, 1, 1, 1, generator=g)
    m = c.mean(1, keepdim=True)
    return ((c - m) * s + m * 0.5 + 0.5 * torch.rand(B, 1, 1, 1, generator=g)).clamp(0, 1)


YY, XX = torch.meshgrid(torch.linspace(-1, 1, S), torch.linspace(-1, 1, S), indexing='ij')


def background(B, g):
    """families: solid, gradient, soft blobs, blocks, stripes, checks, grain. -> [B,3,S,S] in 0..1"""
    out = torch.empty(B, 3, S, S)
    kind = torch.randint(0, 7, (B,), generator=g)
    for k in range(7):
        i = (kind == k).nonzero().flatten()
        n = len(i)
        if not n:
            continue
        a, b = colour(n, g), colour(n, g)
        th = torch.rand(n, 1, 1, 1, generator=g) * 6.283
        f = 2 + 10 * torch.rand(n, 1, 1, 1, generator=g)
        u = XX * th.cos() + YY * th.sin()
        v = -XX * th.sin() + YY * th.cos()
        if k == 0:
            w = torch.zeros(n, 1, S, S)
        elif k == 1:
            w = (u + 1) / 2
        elif k == 2:
            w = up(torch.rand(n, 1, 6, 6, generator=g), 'bicubic')
        elif k == 3:
            w = up(torch.rand(n, 1, 5, 5, generator=g), 'nearest')
        elif k == 4:
            w = (torch.sin(u * f) > 0).float()
        elif k == 5:
            w = ((torch.sin(u * f) > 0) ^ (torch.sin(v * f) > 0)).float()
        else:
            w = torch.rand(n, 1, S, S, generator=g)
        if k == 2:
            out[i] = up(torch.rand(n, 3, 5, 5, generator=g), 'bicubic').clamp(0, 1) * 0.6 + 0.4 * (a + (b - a) * w.clamp(0, 1))
        else:
            out[i] = a + (b - a) * w.clamp(0, 1)
    out += 0.06 * torch.rand(B, 1, 1, 1, generator=g) * torch.randn(B, 3, S, S, generator=g)
    return out.clamp(0, 1)


def texture(B, g):
    """pattern families that never occur as backgrounds: rings, waves, bricks, cells, dots, weave"""
    out = torch.empty(B, 3, S, S)
    kind = torch.randint(0, 6, (B,), generator=g)
    for k in range(6):
        i = (kind == k).nonzero().flatten()
        n = len(i)
        if not n:
            continue
        a, b = colour(n, g), colour(n, g)
        r = lambda lo, hi: lo + (hi - lo) * torch.rand(n, 1, 1, 1, generator=g)
        x, y = XX + r(-0.5, 0.5), YY + r(-0.5, 0.5)
        f = r(6, 22)
        nz = up(torch.rand(n, 2, 6, 6, generator=g), 'bicubic') - 0.5
        if k == 0:
            w = torch.sin(f * ((x + 0.4 * nz[:, :1]) ** 2 + (y + 0.4 * nz[:, 1:]) ** 2).sqrt() * 2)
        elif k == 1:
            w = torch.sin(f * (x + 0.3 * torch.sin(y * r(3, 9))))
        elif k == 2:
            row = torch.floor(y * f / 2)
            w = ((torch.sin(y * f / 2 * 6.283) < -0.8) | (torch.sin((x * f / 4 + 0.5 * (row % 2)) * 6.283) < -0.95)).float() * 2 - 1
        elif k == 3:
            p = torch.rand(n, 14, 2, generator=g) * 2 - 1
            d = ((XX.flatten()[None, None] - p[:, :, :1]) ** 2 + (YY.flatten()[None, None] - p[:, :, 1:]) ** 2).sqrt()
            t = d.topk(2, 1, largest=False).values
            w = ((t[:, 1] - t[:, 0]) * 6 - 1).clamp(-1, 1).view(n, 1, S, S)
        elif k == 4:
            w = ((torch.sin(x * f) * torch.sin(y * f)).abs() > r(0.3, 0.7)).float() * 2 - 1
        else:
            w = torch.where((torch.floor(x * f / 2) + torch.floor(y * f / 2)) % 2 == 0, torch.sin(x * f * 3), torch.sin(y * f * 3))
        out[i] = a + (b - a) * (w * 0.5 + 0.5).clamp(0, 1)
    return (out + 0.05 * torch.randn(B, 3, S, S, generator=g)).clamp(0, 1)


def paste(canvas, bank, idx, cx, cy, scale, angle, flip, gain, cover=False, W=None, g=None):
    """draw premultiplied RGBA sprites; cx,cy in -1..1, scale = side / picture side"""
    t = bank[idx].float() / 255
    if W is not None:  # round 2: recoloured and warped
        from augment import dress, warp

        t = dress(t, W.kind[idx], W.tint[idx], g)
    t[:, :3] = (t[:, :3] * gain[:, :, None, None]).minimum(t[:, 3:])
    c, s = angle.cos() / scale, angle.sin() / scale
    th = torch.stack([torch.stack([c * flip, s * flip, -(c * cx + s * cy) * flip], 1), torch.stack([-s, c, s * cx - c * cy], 1)], 1)
    gr = F.affine_grid(th, [len(idx), 4, S, S], align_corners=False)
    o = F.grid_sample(t, gr if W is None else warp(gr, g), align_corners=False)
    x = canvas * (1 - o[:, 3:]) + o[:, :3]
    return (x, F.avg_pool2d(o[:, 3:], 8).flatten(1)) if cover else x


def place(n, lo, hi, g, inside=True, turn=0.6):
    r = lambda: torch.rand(n, generator=g)
    sc = lo + (hi - lo) * r()
    m = (1 - sc).clamp(min=0.02) if inside else torch.full((n,), 0.95)
    return dict(
        cx=(2 * r() - 1) * m,
        cy=(2 * r() - 1) * m,
        scale=sc,
        angle=(r() - 0.5) * turn,
        flip=1 - 2 * (r() < 0.5).float(),
        gain=0.75 + 0.5 * torch.rand(n, 3, generator=g),
    )


def scatter(canvas, W, sprites, g, most=6, lo=0.16, hi=0.38):
    """0..most small clutter objects per picture"""
    B = len(canvas)
    k = torch.randint(0, most + 1, (B,), generator=g)
    s = torch.as_tensor(sprites)
    for j in range(most):
        i = (k > j).nonzero().flatten()
        if len(i):
            canvas[i] = paste(canvas[i], W.small, s[torch.randint(0, len(s), (len(i),), generator=g)], **place(len(i), lo, hi, g, False))
    return canvas


MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(3, 1, 1)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(3, 1, 1)


def normalise(x):
    return (x - MEAN) / STD


def pictures(W, concepts, sets, seed, lo=0.4, hi=0.8, clutter_sets=HELD_SETS, most=6, chunk=500, cover=False):
    """evaluation pictures: one object per picture (concepts[i] = its concept, None = no object), quantised to uint8"""
    g = torch.Generator().manual_seed(seed)
    out, cov = [], []
    rnd = random.Random(seed)
    cl = [W.where[c][s] for c in W.clutter for s in clutter_sets if s in W.where.get(c, {})]
    for i in range(0, len(concepts), chunk):
        cs = concepts[i : i + chunk]
        x = scatter(background(len(cs), g), W, cl, g, most)
        idx = torch.tensor([W.where[c][rnd.choice([s for s in sets if s in W.where[c]])] for c in cs])
        x, m = paste(x, W.big, idx, **place(len(cs), lo, hi, g), cover=True)
        out.append((x.clamp(0, 1) * 255).round().byte())
        cov.append(m)
    return (torch.cat(out), torch.cat(cov)) if cover else torch.cat(out)  # cover: share of each 8x8 patch that the object fills
