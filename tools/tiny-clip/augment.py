"""Object augmentation of round 2: icons get the colours of an emoji of their concept; jitter, outlines, warps."""

import torch
import torch.nn.functional as F
from pictures import colour

_u = torch.tensor([1.0, 1, 1]) / 3**0.5
_K = torch.tensor([[0, -_u[2], _u[1]], [_u[2], 0, -_u[0]], [-_u[1], _u[0], 0]])
_P = torch.full((3, 3), 1 / 3.0)


def dress(t, kind, tint, g):
    """t: premultiplied RGBA 0..1 [n,4,h,w]. Icons get the colours of an emoji of their concept; then hue/saturation/contrast jitter, rarely grey, posterise, negative, silhouette, outline"""
    n = len(t)
    r = lambda *s: torch.rand(*(s or (n,)), generator=g)
    t = t.clone()
    col = tint[torch.arange(n), torch.randint(0, 6, (n,), generator=g)]
    wild = (r() < 0.1).nonzero().flatten()
    if len(wild):
        col[wild] = torch.rand(len(wild), 2, 3, generator=g)
    c1, c2 = col[:, 0, :, None, None], col[:, 1, :, None, None]
    m = (kind == 3).nonzero().flatten()
    if len(m):  # line drawing: dark line, coloured inside; solid icon: coloured body, second colour, white or dark in its holes
        k = len(m)
        line, fill = t[m, :1], t[m, 3:]
        solid = (line.sum((1, 2, 3)) > 0.6 * fill.sum((1, 2, 3)))[:, None, None, None]
        a1, a2 = c1[m], c2[m]
        u = r(k, 1, 1, 1)
        other = torch.where(u < 0.4, a2, torch.where(u < 0.7, a1 * 0.25, a1 * 0.2 + 0.8))
        dark = a1 * 0.3 * r(k, 1, 1, 1)
        inn, lin = torch.where(solid, other, a1), torch.where(solid, a1, dark)
        v = torch.linspace(0, 1, t.shape[2])[:, None].expand(t.shape[2], t.shape[3])
        w = ((v - 0.35 - 0.4 * r(k, 1, 1, 1)) * 4).clamp(0, 1) * (r(k, 1, 1, 1) < 0.35)
        inn = inn + (a2 - inn) * w
        t[m] = torch.cat([lin * line + inn * (fill - line).clamp(min=0), fill], 1)
    m = (kind == 2).nonzero().flatten()
    if len(m):  # house colours: black-colour-white by brightness
        a = t[m, 3:]
        L = t[m, :3].mean(1, keepdim=True) / a.clamp(min=1e-3)
        t[m] = torch.cat([a * (c1[m] * (1.7 * L).clamp(max=1) + (1 - c1[m]) * (2.4 * L - 1.4).clamp(0, 1)), a], 1)
    th = torch.where(r() < 0.08, (r() - 0.5) * 6.283, torch.randn(n, generator=g) * 0.15)
    sat = 0.55 + 0.8 * r()
    sat[r() < 0.06] = 0
    th, sat = th[:, None, None], sat[:, None, None]
    R = th.cos() * torch.eye(3) + th.sin() * _K + (1 - th.cos()) * _P
    M = _P + sat * (R - _P)
    a = t[:, 3:]
    c = torch.einsum('nij,njhw->nihw', M, t[:, :3])
    k = (0.75 + 0.5 * r())[:, None, None, None]
    c = c * k + a * ((1 - k) * 0.5 + (0.2 * (r() - 0.5))[:, None, None, None])
    c = c.clamp(min=0).minimum(a)
    e = r()
    i = (e < 0.03).nonzero().flatten()
    if len(i):
        c[i] = ((c[i] * 2.99).round() / 2.99).minimum(a[i])  # posterise
    i = ((e > 0.03) & (e < 0.045)).nonzero().flatten()
    if len(i):
        c[i] = a[i] - c[i]  # negative
    i = ((e > 0.045) & (e < 0.06)).nonzero().flatten()
    if len(i):
        c[i] = a[i] * colour(len(i), g)  # silhouette
    i = ((e > 0.06) & (e < 0.18)).nonzero().flatten()
    if len(i):
        b = F.max_pool2d(a[i], 5, 1, 2)
        c[i] = c[i] + (b - a[i]) * colour(len(i), g)
        a = a.clone()
        a[i] = b  # outline
    return torch.cat([c, a], 1)


def warp(grid, g):
    """shear, perspective-like scaling and a smooth elastic field on sampling coordinates [n,h,w,2]"""
    n = len(grid)
    r = lambda *s: torch.rand(n, *s, generator=g) - 0.5
    on = (r(1, 1, 1) < 0.3).float()
    x, y = grid[..., :1], grid[..., 1:]
    z = 1 + on * (0.5 * r(1, 1, 1) * x + 0.5 * r(1, 1, 1) * y).clamp(-0.4, 0.4)
    x, y = x * (1 + on * 0.4 * r(1, 1, 1)) + on * 0.5 * r(1, 1, 1) * y, y * (1 + on * 0.4 * r(1, 1, 1)) + on * 0.2 * r(1, 1, 1) * x
    d = F.interpolate(
        torch.randn(n, 2, 4, 4, generator=g) * 0.11 * (r(1, 1, 1) < 0.2), grid.shape[1:3], mode='bicubic', align_corners=True
    ).permute(0, 2, 3, 1)
    s = torch.cat([x, y], 3)
    return s / z + d * (s.abs().amax(3, keepdim=True) < 1.6)
