"""Zero-shot MCM / GL-MCM, CoOp (lambda 0) and LoCoOp on the tiny CLIP, everything from cached features."""

import json
import math
import random
import time
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import roc_auc_score
from model import CLIP
from pictures import S, normalise, pictures, texture
from roles import HELD_SETS


def load(path):
    """a checkpoint of train.py, or exported weights (tiny-clip.safetensors with tiny-clip.json beside them)"""
    if path.endswith('.safetensors'):
        from safetensors.torch import load_file

        c = json.load(open(path.replace('.safetensors', '.json')))
        v, t = c['vision'], c['text']
        cfg = dict(
            image_size=c['imageSize'],
            patch_size=v['patchSize'],
            vision_width=v['width'],
            vision_layers=v['layers'],
            embed_dim=c['embedDim'],
        )
        cfg.update(text_width=t['width'], text_layers=t['layers'], context_length=t['contextLength'], vocab_size=t['vocabSize'])
        d = dict(cfg=cfg, sd={k: x.float() for k, x in load_file(path).items()})
    else:
        d = torch.load(path)
    m = CLIP(d['cfg'])
    m.load_state_dict(d['sd'])
    return m.eval().requires_grad_(False)


@torch.no_grad()
def features(M, x, local=True, n=250):
    g, l = zip(*[M.encode_image(normalise(x[i : i + n].float() / 255), local=True) for i in range(0, len(x), n)])
    return F.normalize(torch.cat(g), dim=1), F.normalize(torch.cat(l), dim=2)


def crops(x, seed, lo=0.08, hi=1.0):
    """RandomResizedCrop(scale lo..hi, ratio 3/4..4/3, bicubic) + flip"""
    r = random.Random(seed)
    out = torch.empty_like(x)
    for i, im in enumerate(x):
        for _ in range(10):
            a = S * S * r.uniform(lo, hi)
            q = math.exp(r.uniform(math.log(3 / 4), math.log(4 / 3)))
            w, h = round((a * q) ** 0.5), round((a / q) ** 0.5)
            if 0 < w <= S and 0 < h <= S:
                break
        else:
            w = h = S
        y0, x0 = r.randint(0, S - h), r.randint(0, S - w)
        c = im[None, :, y0 : y0 + h, x0 : x0 + w].float()
        c = F.interpolate(c, (S, S), mode='bicubic', antialias=True, align_corners=False)[0].round().clamp(0, 255).byte()
        out[i] = c.flip(2) if r.random() < 0.5 else c
    return out


def measures(pos, neg):
    """AUROC and FPR95 with the MCM code's rule: threshold whose ID recall is nearest to 95 %"""
    au = roc_auc_score(np.r_[np.ones(len(pos)), np.zeros(len(neg))], np.r_[pos, neg])
    v, c = np.unique(pos, return_counts=True)
    rec = np.cumsum(c[::-1])[::-1] / len(pos)
    b = np.abs(rec - 0.95)
    k = np.flatnonzero(b == b.min())[0]
    return 100 * au, 100 * float((neg >= v[k]).mean())


PIC = dict(lo=0.55, hi=0.95, most=4)  # the benchmark's pictures; training looks at harder ones (0.4, 0.8, 6)


class Bench:
    def __init__(s, M, W, tok, per_class=20, n_ood=500, seed=5):
        s.M, s.W, s.tok = M, W, tok
        C = W.id_classes
        s.y = torch.arange(len(C)).repeat(per_class)
        x, s.cover = pictures(W, [C[i] for i in s.y], HELD_SETS, seed, cover=True, **PIC)
        s.test = features(M, x)
        s.yv = torch.arange(len(C)).repeat(10)
        s.val = features(M, pictures(W, [C[i] for i in s.yv], HELD_SETS, seed + 1, **PIC))
        pick = lambda l: [l[i % len(l)] for i in range(n_ood)]
        s.ood = {k: features(M, pictures(W, pick(v), HELD_SETS, seed + 2 + i, **PIC)) for i, (k, v) in enumerate(W.ood.items())}
        g = torch.Generator().manual_seed(seed + 10)
        s.ood['textures'] = features(M, (texture(n_ood, g) * 255).round().byte())
        s.near = features(M, pictures(W, pick(W.near), HELD_SETS, seed + 11, **PIC))
        u = sorted(W.unseen)
        s.new = features(M, pictures(W, pick(u), HELD_SETS, seed + 12, **PIC))  # concepts CLIP training never saw, drawn or named

    def zero_text(s, template='a picture of a {}.'):
        t = torch.tensor([s.tok.full(template.format(s.W.name[c]), 24) for c in s.W.id_classes])
        with torch.no_grad():
            return F.normalize(s.M.encode_text(t), dim=1)

    def scores(s, f, t, T=1.0):
        g = (f[0] @ t.T / T).softmax(1).amax(1)
        l = torch.cat([(z @ t.T / T).softmax(2).amax((1, 2)) for z in f[1].split(200)])
        return {'MCM': g.numpy(), 'L-MCM': l.numpy(), 'GL-MCM': (g + l).numpy()}

    def report(s, t, T=1.0):
        i = s.scores(s.test, t, T)
        out = {
            'acc': 100 * (s.test[0] @ t.T).argmax(1).eq(s.y).float().mean().item(),
            'val': 100 * (s.val[0] @ t.T).argmax(1).eq(s.yv).float().mean().item(),
        }
        sets = {**s.ood, 'near': s.near, 'unseen': s.new}
        sc = {k: s.scores(f, t, T) for k, f in sets.items()}
        for m in i:
            for k in sets:
                out[m, k] = measures(i[m], sc[k][m])
            out[m, 'avg'] = tuple(np.mean([out[m, k] for k in s.ood], 0))
        return out

    def locality(s, t, K=10):
        """how well local features know where the object is (test pictures, ID classes)"""
        z = torch.cat([(l @ t.T) for l in s.test[1].split(200)])
        ob = s.cover > 0.5
        bgd = s.cover < 0.02
        p = (z * s.M.logit_scale.exp()).softmax(2)
        conf = p.amax(2)
        py = z.gather(2, s.y[:, None, None].expand(-1, 64, 1))
        rank = (z > py).sum(2)
        irr = rank >= K
        return dict(
            object_patch_acc=100 * (z.argmax(2) == s.y[:, None])[ob].float().mean().item(),
            background_patch_says_class=100 * (z.argmax(2) == s.y[:, None])[bgd].float().mean().item(),
            auroc_conf_object_vs_background=100
            * roc_auc_score(np.r_[np.ones(int(ob.sum())), np.zeros(int(bgd.sum()))], torch.cat([conf[ob], conf[bgd]]).numpy()),
            irrelevant_share=100 * irr.float().mean().item(),
            irrelevant_among_object=100 * irr[ob].float().mean().item(),
            irrelevant_among_background=100 * irr[bgd].float().mean().item(),
        )

    def shots(s, n, seed, views=4, lo=0.08):
        C = s.W.id_classes
        y = torch.arange(len(C)).repeat(n)
        x = pictures(s.W, [C[i] for i in y], HELD_SETS, 1000 + seed, **PIC)
        v = [features(s.M, crops(x, 10 * seed + j, lo)) for j in range(views)] if views else [features(s.M, x)]
        return torch.stack([a for a, _ in v]), torch.stack([b for _, b in v]), y

    def train(s, data, seed, lam=0.25, K=10, n_ctx=16, lr=0.002, steps=1250, batch=32, init=None):
        """SGD .002 momentum .9 wd 5e-4, batch 32, one 1e-5 warm-up 'epoch' of 50, then cosine per epoch"""
        M, W = s.M, s.W
        G, Lc, y = data
        torch.manual_seed(seed)
        w = M.token_embedding.weight.shape[1]
        ids = [s.tok.encode(W.name[c] + '.') + [s.tok.eos] for c in W.id_classes]
        n = max(map(len, ids))
        eot = torch.tensor([len(i) - 1 for i in ids])
        suf = M.token_embedding(torch.tensor([i + [0] * (n - len(i)) for i in ids]))
        sos = M.token_embedding(torch.tensor([[s.tok.sos]]))
        ctx = (0.02 * torch.randn(n_ctx, w)) if init is None else M.token_embedding(torch.tensor(s.tok.encode(init)))
        ctx.requires_grad_(True)
        O = torch.optim.SGD([ctx], lr=lr, momentum=0.9, weight_decay=5e-4)
        scale = M.logit_scale.exp()
        per = steps / 50
        t0 = time.time()
        order = []
        for it in range(steps):
            e = int(it / per)
            O.param_groups[0]['lr'] = 1e-5 if e == 0 else lr / 2 * (1 + math.cos(math.pi * (e - 1) / 50))
            if len(order) < min(batch, len(y)):
                order = torch.randperm(len(y)).tolist()
            i = torch.tensor([order.pop() for _ in range(min(batch, len(y)))])
            v = torch.randint(0, len(G), (len(i),))
            t = F.normalize(shared_prefix_text(M, torch.cat([sos, ctx[None]], 1), suf, eot), dim=1)
            loss = F.cross_entropy(scale * G[v, i] @ t.T, y[i])
            if lam:
                z = scale * Lc[v, i] @ t.T
                zy = z.gather(2, y[i][:, None, None].expand(-1, z.shape[1], 1))
                irr = (z > zy).sum(2) >= K
                if irr.any():
                    p = z[irr].softmax(1)
                    loss = loss + lam * (p * (p + 1e-5).log()).sum(1).mean()
            O.zero_grad()
            loss.backward()
            O.step()
        with torch.no_grad():
            t = F.normalize(shared_prefix_text(M, torch.cat([sos, ctx[None]], 1), suf, eot), dim=1)
        return t, time.time() - t0


def shared_prefix_text(M, pre, suf, eot):
    """The text tower on [SOS, ctx, class tokens]: with a causal mask SOS and ctx do not depend on the class, so they are computed once. Exact."""
    P, C, n = pre.shape[1], suf.shape[0], suf.shape[1]
    a, b = pre + M.positional_embedding[:P], suf + M.positional_embedding[P : P + n]
    mask = torch.cat([torch.ones(n, P, dtype=torch.bool), torch.ones(n, n, dtype=torch.bool).tril()], 1)
    for k, B in enumerate(M.transformer.resblocks):
        h = B.attn.h
        w = a.shape[2]
        qkv = (
            lambda x: F.linear(B.ln_1(x), B.attn.in_proj_weight, B.attn.in_proj_bias)
            .view(x.shape[0], x.shape[1], 3, h, w // h)
            .permute(2, 0, 3, 1, 4)
        )
        q, ka, va = qkv(a)
        q2, kb, vb = qkv(b)
        ex = lambda x: x.expand(C, -1, -1, -1)
        ob = F.scaled_dot_product_attention(q2, torch.cat([ex(ka), kb], 2), torch.cat([ex(va), vb], 2), attn_mask=mask)
        b = b + B.attn.out_proj(ob.transpose(1, 2).reshape(C, n, w))
        b = b + B.mlp(B.ln_2(b))
        if k + 1 < len(M.transformer.resblocks):
            oa = F.scaled_dot_product_attention(q, ka, va, is_causal=True)
            a = a + B.attn.out_proj(oa.transpose(1, 2).reshape(1, P, w))
            a = a + B.mlp(B.ln_2(a))
    return M.ln_final(b[torch.arange(C), eot]) @ M.text_projection
