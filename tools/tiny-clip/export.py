"""python export.py RUN.pt MERGES OUTDIR : fp16 safetensors in OpenAI names + config JSON + merges, and a check of the fp16 copy"""

import json
import shutil
import sys
import torch
from safetensors.torch import save_file, load_file
from model import CLIP

d = torch.load(sys.argv[1])
o = sys.argv[3]
sd = {k: v.half().contiguous() for k, v in d['sd'].items()}
save_file(sd, f'{o}/tiny-clip.safetensors', metadata={'format': 'pt'})
shutil.copy(sys.argv[2], f'{o}/merges.txt')
c = d['cfg']
config = {
    'embedDim': c['embed_dim'],
    'imageSize': c['image_size'],
    'vision': dict(
        kind='vit', width=c['vision_width'], layers=c['vision_layers'], heads=c['vision_width'] // 64, patchSize=c['patch_size']
    ),
    'text': dict(
        width=c['text_width'],
        layers=c['text_layers'],
        heads=c['text_width'] // 64,
        contextLength=c['context_length'],
        vocabSize=c['vocab_size'],
    ),
    'activation': 'quick_gelu',
    'mean': [0.48145466, 0.4578275, 0.40821073],
    'std': [0.26862954, 0.26130258, 0.27577711],
    'template': 'a picture of a {}.',
    'merges': c['vocab_size'] - 514,
    'startToken': c['vocab_size'] - 2,
    'endToken': c['vocab_size'] - 1,
}
with open(f'{o}/tiny-clip.json', 'w') as f:
    f.write(json.dumps(config, indent=2) + '\n')
a, b = CLIP(d['cfg']), CLIP(d['cfg'])
a.load_state_dict(d['sd'])
b.load_state_dict({k: v.float() for k, v in load_file(f'{o}/tiny-clip.safetensors').items()})
x = torch.randn(8, 3, 64, 64)
t = torch.randint(1, d['cfg']['vocab_size'], (8, 12))
with torch.no_grad():
    print(
        'params',
        sum(v.numel() for v in sd.values()),
        'fp16 cosine',
        torch.cosine_similarity(a.encode_image(x), b.encode_image(x)).min().item(),
        torch.cosine_similarity(a.encode_text(t), b.encode_text(t)).min().item(),
    )
