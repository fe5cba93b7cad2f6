"""The training world: roles, sprites as tensors, captions' words, round 2's extra designs."""

import json
import numpy as np
import torch
import torch.nn.functional as F
from roles import TRAIN_SETS, read_roles, Roles

WEIGHT = {
    'animals-nature': 3,
    'food-drink': 1,
    'travel-places': 1,
    'objects': 1,
    'activities': 1,
    'symbols': 0.15,
    'flags': 0.06,
    'people-body': 0.2,
    'smileys-emotion': 0.5,
}


class World(Roles):
    """Roles plus `big` and `small`, the sprites [n,4,72,72] and [n,4,36,36] as premultiplied bytes."""

    def __init__(self, root, more=''):
        roles, concepts, rows, n = read_roles(root)
        self.__dict__.update(roles.__dict__)
        a = torch.from_numpy(np.fromfile(f'{root}/sprites.bin', dtype=np.uint8).reshape(-1, n, n, 4)).permute(0, 3, 1, 2).contiguous()
        for i in range(0, len(a), 512):  # premultiply
            b = a[i : i + 512].float()
            b[:, :3] *= b[:, 3:] / 255
            a[i : i + 512] = b.round().byte()
        self.big = a
        self.small = torch.cat([F.avg_pool2d(a[i : i + 512].float(), 2).round().byte() for i in range(0, len(a), 512)])
        self.tags = {c['id']: [t for t in c['tags'] if len(t) > 2 and ' ' not in t and t not in c['label']] for c in concepts}
        self.weight = {c['id']: WEIGHT.get(c['group'], 1) for c in concepts}
        self.more = {}
        self.kind = torch.zeros(len(self.big), dtype=torch.uint8)  # 0 emoji, 1 colour icon, 2 icon in a house colour, 3 single-colour icon
        if more:
            self.add(more)

    def add(self, root):
        """round 2's extra training designs. Single-colour icons are kept as line (channel 0) and filled shape (channel 3) and coloured when drawn"""
        from scipy.ndimage import binary_fill_holes

        j = json.load(open(f'{root}/more.json'))
        n = j['size']
        a = np.fromfile(f'{root}/more.bin', dtype=np.uint8).reshape(-1, n, n, 4)
        out = []
        kind = []
        for x, s in zip(a, j['sprites']):
            if s.get('concept') is None or s['concept'] in self.unseen:
                continue
            x = x.copy()
            k = {'colour': 1, 'hue': 2, 'mono': 3}[s['kind']]
            if k == 3:
                line = x[..., 3].copy()
                fill = np.maximum(line, 255 * binary_fill_holes(np.pad(line > 90, 1))[1:-1, 1:-1].astype(np.uint8))
                x[:] = 0
                x[..., 0] = line
                x[..., 3] = fill
            else:
                x[..., :3] = (x[..., :3].astype(np.float32) * x[..., 3:] / 255).round()
            self.more.setdefault(s['concept'], []).append(len(self.big) + len(out))
            out.append(x)
            kind.append(k)
        # colours of the concept's emoji (two commonest of each training design, dark outlines aside), to colour its icons with
        tint = {}
        for c, ids in self.more.items():
            l = []
            for i in [self.where[c][q] for q in TRAIN_SETS if q in self.where[c]]:
                x = self.big[i].permute(1, 2, 0).reshape(-1, 4).numpy().astype(int)
                x = x[x[:, 3] > 200][:, :3]
                y = x[x.sum(1) > 130]
                y = y if len(y) > 40 else x
                if not len(y):
                    continue
                q = (y // 32) @ np.array([64, 8, 1])
                u, inv, n_ = np.unique(q, return_inverse=True, return_counts=True)
                o = n_.argsort()[::-1]
                l.append([y[inv == o[0]].mean(0), y[inv == o[min(1, len(o) - 1)]].mean(0)])
            tint[c] = [l[k % len(l)] for k in range(6)] if l else [[[128] * 3] * 2] * 6
        tt = np.full((len(self.big) + len(out), 6, 2, 3), 128.0)
        for c, ids in self.more.items():
            for i in ids:
                tt[i] = tint[c]
        self.tint = torch.from_numpy(tt / 255).float()
        self.big = torch.cat([self.big, torch.from_numpy(np.stack(out)).permute(0, 3, 1, 2).contiguous()])
        self.kind = torch.cat([self.kind, torch.tensor(kind, dtype=torch.uint8)])
