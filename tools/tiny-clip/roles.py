"""Which concept plays which part: ID class, near-OOD, clutter, OOD, never named. Drawn once with seed 0, standard library only.

python roles.py DATA            -> DATA/roles.json (what the package's assets are made from)
python roles.py DATA --pool     -> standard output: the training concepts as JSON (what more.mjs reads)
"""

import json
import random
import sys

TRAIN_SETS = ['noto', 'noto-v1', 'twemoji', 'emojione', 'streamline-emojis', 'fxemoji']  # Apache-2.0, CC-BY-4.0
HELD_SETS = ['fluent-emoji-flat', 'fluent-emoji']  # MIT, never seen by CLIP training
TRAIN_GROUPS = ('animals-nature', 'food-drink', 'travel-places', 'objects', 'activities')
ANIMALS = '''monkey,gorilla,orangutan,dog,poodle,wolf,fox,raccoon,cat,lion,tiger,leopard,horse,unicorn,zebra,deer,bison,ox,cow,pig,boar,ram,
goat,camel,llama,giraffe,elephant,rhinoceros,mouse,hamster,rabbit,chipmunk,hedgehog,bat,bear,koala,panda,sloth,otter,skunk,kangaroo,badger,
turkey,chicken,rooster,penguin,eagle,duck,swan,owl,flamingo,peacock,parrot,frog,crocodile,turtle,lizard,snake,sauropod,t-rex,whale,dolphin,
seal,fish,shark,octopus,crab,lobster,shrimp,squid,snail,butterfly,ant,honeybee,lady beetle,cricket,spider,scorpion,mosquito,worm'''.replace(
    '\n', ''
).split(',')
OOD = {
    'plants+food': ['plant-flower', 'plant-other', 'food-fruit', 'food-vegetable', 'food-prepared', 'food-sweet'],
    'scenes': ['place-geographic', 'place-building', 'place-religious', 'place-other', 'sky-weather'],
    'vehicles+things': [
        'transport-ground',
        'transport-water',
        'transport-air',
        'household',
        'tool',
        'clothing',
        'musical-instrument',
        'computer',
        'sport',
    ],
}


class Roles:
    """concepts: rows of concepts.json. where: concept id -> {set: index of its sprite}."""

    def __init__(self, concepts, where):
        self.where = where
        self.name = {c['id']: c['label'].replace('flag: ', 'flag of ').replace('’', "'") for c in concepts}
        self.group = {c['id']: c['group'] for c in concepts}
        self.sub = {c['id']: c['sub'] for c in concepts}
        self.draw(concepts)

    def held(self, concept):
        return all(s in self.where.get(concept, {}) for s in HELD_SETS)

    def draw(self, concepts):
        by = {name: concept for concept, name in self.name.items()}
        animals = [by[a] for a in ANIMALS if a in by and self.held(by[a])]
        ok = [c for c in animals if sum(s in self.where[c] for s in TRAIN_SETS) >= 3]
        rng = random.Random(0)
        shuffled = ok[:]
        rng.shuffle(shuffled)
        by_name = lambda c: self.name[c]
        self.id_classes = sorted(shuffled[:50], key=by_name)
        self.near = sorted(shuffled[50:] + [c for c in animals if c not in ok])
        # every other concept gets one role: clutter, or OOD test object; a third of the OOD ones is kept out of CLIP training
        self.clutter, self.ood, self.unseen = [], {k: [] for k in OOD}, set()
        for c in concepts:
            animal = c['group'] == 'animals-nature' and c['sub'].startswith('animal')
            if c['group'] in ('flags', 'people-body', 'smileys-emotion', 'symbols') or c['id'] in ok or animal:
                continue
            if not self.held(c['id']):
                continue
            kind = next((k for k, v in OOD.items() if c['sub'] in v), None)
            u = rng.random()
            if kind and u < 0.6:
                self.ood[kind].append(c['id'])
                if u < 0.2:
                    self.unseen.add(c['id'])
            else:
                self.clutter.append(c['id'])

    def pool(self):
        """The concepts that CLIP is trained on."""
        return [
            c
            for c in self.where
            if c not in self.unseen
            and self.group[c] in TRAIN_GROUPS
            and self.sub[c] != 'time'
            and any(s in self.where[c] for s in TRAIN_SETS)
        ]


def read_roles(root):
    """(roles, concepts, sprite rows, sprite side)"""
    concepts = json.load(open(f'{root}/concepts.json'))
    table = json.load(open(f'{root}/sprites.json'))
    where = {}
    for i, row in enumerate(table['sprites']):
        where.setdefault(row['concept'], {})[row['set']] = i
    return Roles(concepts, where), concepts, table['sprites'], table['size']


if __name__ == '__main__':
    root = sys.argv[1]
    roles, *_ = read_roles(root)
    if '--pool' in sys.argv:
        print(json.dumps([dict(id=c, name=roles.name[c], sub=roles.sub[c]) for c in roles.pool()]))
    else:
        row = lambda c: dict(id=c, name=roles.name[c], sprites=[roles.where[c][s] for s in HELD_SETS])
        out = dict(
            id=[row(c) for c in roles.id_classes],
            near=[row(c) for c in roles.near],
            clutter=[row(c) for c in roles.clutter],
            ood={k: [row(c) for c in v] for k, v in roles.ood.items()},
            unseen=sorted(roles.unseen),
        )
        json.dump(out, open(f'{root}/roles.json', 'w'))
        print(
            dict(
                id=len(out['id']),
                near=len(out['near']),
                clutter=len(out['clutter']),
                **{k: len(v) for k, v in out['ood'].items()},
                unseen=len(out['unseen']),
                pool=len(roles.pool()),
            )
        )
