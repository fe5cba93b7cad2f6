"""CLIP's BPE with only its first N merges. ids: 256 bytes, 256 bytes+</w>, N merges, SOS, EOS."""

import functools
import re


def byte_table():
    bs = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    cs, n = bs[:], 0
    for b in range(256):
        if b not in bs:
            bs.append(b)
            cs.append(256 + n)
            n += 1
    return dict(zip(bs, map(chr, cs)))


class Tok:
    def __init__(self, merges_file):
        m = [tuple(l.split()) for l in open(merges_file, encoding='utf8').read().split('\n') if l]
        self.bt = byte_table()
        v = list(self.bt.values())
        v = v + [x + '</w>' for x in v] + [''.join(x) for x in m]
        self.rank = {x: i for i, x in enumerate(m)}
        self.sos, self.eos = len(v), len(v) + 1
        self.id = {x: i for i, x in enumerate(v)}
        self.size = len(v) + 2
        self.pat = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|[^\s\w]+|_+", re.I)

    @functools.lru_cache(None)
    def word(self, w):
        p = [self.bt[b] for b in w.encode()]
        p[-1] += '</w>'
        while len(p) > 1:
            r, i = min((self.rank.get((p[i], p[i + 1]), 1 << 30), i) for i in range(len(p) - 1))
            if r == 1 << 30:
                break
            pair, q, j = (p[i], p[i + 1]), [], 0
            while j < len(p):
                if j + 1 < len(p) and (p[j], p[j + 1]) == pair:
                    q.append(p[j] + p[j + 1])
                    j += 2
                else:
                    q.append(p[j])
                    j += 1
            p = q
        return tuple(self.id[x] for x in p)

    def encode(self, s):
        return [t for w in self.pat.findall(' '.join(s.lower().split())) for t in self.word(w)]

    def full(self, s, length):
        t = [self.sos] + self.encode(s)[: length - 2] + [self.eos]
        return t + [0] * (length - len(t))
