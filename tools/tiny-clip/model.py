"""The OpenAI CLIP ViT, parameter names included, at toy size. heads = width // 64."""

import math
import torch
import torch.nn as nn
import torch.nn.functional as F


class Attn(nn.Module):
    def __init__(s, w):
        super().__init__()
        s.h = w // 64
        s.in_proj_weight = nn.Parameter(torch.empty(3 * w, w))
        s.in_proj_bias = nn.Parameter(torch.zeros(3 * w))
        s.out_proj = nn.Linear(w, w)

    def forward(s, x, causal):
        B, L, W = x.shape
        q, k, v = F.linear(x, s.in_proj_weight, s.in_proj_bias).view(B, L, 3, s.h, W // s.h).permute(2, 0, 3, 1, 4)
        return s.out_proj(F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2).reshape(B, L, W))

    def value(s, x):
        W = x.shape[-1]
        return s.out_proj(F.linear(x, s.in_proj_weight[2 * W :], s.in_proj_bias[2 * W :]))


class MLP(nn.Module):
    def __init__(s, w):
        super().__init__()
        s.c_fc = nn.Linear(w, 4 * w)
        s.c_proj = nn.Linear(4 * w, w)

    def forward(s, x):
        h = s.c_fc(x)
        return s.c_proj(h * torch.sigmoid(1.702 * h))


class Block(nn.Module):
    def __init__(s, w):
        super().__init__()
        s.attn = Attn(w)
        s.ln_1 = nn.LayerNorm(w)
        s.mlp = MLP(w)
        s.ln_2 = nn.LayerNorm(w)

    def forward(s, x, causal=False):
        x = x + s.attn(s.ln_1(x), causal)
        return x + s.mlp(s.ln_2(x))

    def local(s, x):
        v = s.attn.value(s.ln_1(x)) + x
        return v + s.mlp(s.ln_2(v))  # LoCoOp's value path


class Tower(nn.Module):
    def __init__(s, w, n):
        super().__init__()
        s.resblocks = nn.ModuleList(Block(w) for _ in range(n))


class Visual(nn.Module):
    def __init__(s, c):
        super().__init__()
        w = c['vision_width']
        s.p = c['patch_size']
        n = (c['image_size'] // s.p) ** 2
        sc = w**-0.5
        s.conv1 = nn.Conv2d(3, w, s.p, s.p, bias=False)
        s.class_embedding = nn.Parameter(sc * torch.randn(w))
        s.positional_embedding = nn.Parameter(sc * torch.randn(n + 1, w))
        s.ln_pre = nn.LayerNorm(w)
        s.transformer = Tower(w, c['vision_layers'])
        s.ln_post = nn.LayerNorm(w)
        s.proj = nn.Parameter(sc * torch.randn(w, c['embed_dim']))

    def forward(s, x, keep=None, local=False):
        B = x.shape[0]
        p = s.p
        g = x.shape[-1] // p
        x = x.view(B, 3, g, p, g, p).permute(0, 2, 4, 1, 3, 5).reshape(B, g * g, 3 * p * p)  # = conv1 with stride p
        pos = s.positional_embedding
        if keep is not None:  # patch dropping, training only
            x = x.gather(1, keep[:, :, None].expand(-1, -1, x.shape[-1]))
            pe = pos[1:][keep]
        else:
            pe = pos[1:]
        x = F.linear(x, s.conv1.weight.flatten(1)) + pe
        x = s.ln_pre(torch.cat([(s.class_embedding + pos[0]).expand(B, 1, -1), x], 1))
        *head, last = s.transformer.resblocks
        for b in head:
            x = b(x)
        loc = last.local(x[:, 1:]) if local else None
        # only CLS leaves the last block, so its queries and MLP are computed for CLS alone (exact)
        y = last.ln_1(x)
        W = y.shape[-1]
        h = last.attn.h
        q = F.linear(y[:, :1], last.attn.in_proj_weight[:W], last.attn.in_proj_bias[:W]).view(B, 1, h, 64).transpose(1, 2)
        k, v = F.linear(y, last.attn.in_proj_weight[W:], last.attn.in_proj_bias[W:]).view(B, -1, 2, h, 64).permute(2, 0, 3, 1, 4)
        z = x[:, 0] + last.attn.out_proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, W))
        z = z + last.mlp(last.ln_2(z))
        f = s.ln_post(z) @ s.proj
        return (f, s.ln_post(loc) @ s.proj) if local else f


class CLIP(nn.Module):
    def __init__(s, c):
        super().__init__()
        s.cfg = c
        w = c['text_width']
        s.visual = Visual(c)
        s.transformer = Tower(w, c['text_layers'])
        s.token_embedding = nn.Embedding(c['vocab_size'], w)
        s.positional_embedding = nn.Parameter(0.01 * torch.randn(c['context_length'], w))
        s.ln_final = nn.LayerNorm(w)
        s.text_projection = nn.Parameter(w**-0.5 * torch.randn(w, c['embed_dim']))
        s.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        nn.init.normal_(s.token_embedding.weight, std=0.02)
        for tw in (s.transformer, s.visual.transformer):
            n = len(tw.resblocks)
            wd = tw.resblocks[0].ln_1.weight.numel()
            pr = wd**-0.5 * (2 * n) ** -0.5
            for b in tw.resblocks:
                nn.init.normal_(b.attn.in_proj_weight, std=wd**-0.5)
                nn.init.normal_(b.attn.out_proj.weight, std=pr)
                nn.init.normal_(b.mlp.c_fc.weight, std=(2 * wd) ** -0.5)
                nn.init.normal_(b.mlp.c_proj.weight, std=pr)
        s.mimetic()

    @torch.no_grad()
    def mimetic(s):
        """vision tower: 2-D sine positions and 'mimetic' attention (q k' near identity, v o near minus identity), a known help for small ViTs"""
        v = s.visual
        w = v.ln_pre.weight.numel()
        n = int(math.isqrt(len(v.positional_embedding) - 1))
        om = 1 / 100 ** (torch.arange(w // 4) / (w // 4))
        y, x = torch.meshgrid(torch.arange(n), torch.arange(n), indexing='ij')
        e = [f(c.flatten()[:, None] * om) for c in (x, y) for f in (torch.sin, torch.cos)]
        v.positional_embedding[1:] = torch.cat(e, 1) * 0.5
        for b in v.transformer.resblocks:
            h = b.attn.h
            for i in range(h):
                u, d, z = torch.linalg.svd(0.7 * torch.randn(w, w) / w**0.5 + 0.7 * torch.eye(w))
                k = d[:64].sqrt()
                b.attn.in_proj_weight[i * 64 : i * 64 + 64] = (u[:, :64] * k).T
                b.attn.in_proj_weight[w + i * 64 : w + i * 64 + 64] = z[:64] * k[:, None]
            u, d, z = torch.linalg.svd(0.4 * torch.randn(w, w) / w**0.5 - 0.4 * torch.eye(w))
            k = d.sqrt()
            b.attn.in_proj_weight[2 * w :] = z * k[:, None]
            b.attn.out_proj.weight.copy_(u * k)

    def text_from_embeddings(s, x, eot):
        x = x + s.positional_embedding[: x.shape[1]]
        for b in s.transformer.resblocks:
            x = b(x, True)
        return s.ln_final(x[torch.arange(len(x)), eot]) @ s.text_projection

    def encode_text(s, t):
        return s.text_from_embeddings(s.token_embedding(t), t.argmax(1))

    def encode_image(s, x, **k):
        return s.visual(x, **k)
