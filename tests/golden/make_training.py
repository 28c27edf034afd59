#!/usr/bin/env python3
"""What PyTorch makes of training that the cases of README.md leave out: gradients clipped by their norm, and GoogLeNet with
its auxiliary heads. For tests/training_golden.rs.

    pip install torch torchvision numpy && python tests/golden/make_training.py tests/golden

Tensors are filled by the hash of tests/common/hash.rs, and the fields are those of the other training cases. Arithmetic
is in float64; "f32_rel_err" is the worst of two float32 runs, one of them with pictures disturbed by 1e-6. With "clip_norm"
the gradients are those before clipping, and "norms" holds what clip_grad_norm_ returned. "losses_alone" marks a case whose
gradients hang on which of two nearly equal values a pooling prefers: float32 differs from float64 by a tenth.
"""
import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

CASES = [
    {'id': 'clip-lenet5-32', 'model': 'lenet5', 'seed': 1, 'shape': [4, 1, 32, 32], 'input_block': 1, 'lr': 0.05,
     'clip_norm': 0.8},
    {'id': 'auxiliary-googlenet-64', 'model': 'googlenet', 'seed': 1, 'shape': [4, 3, 64, 64], 'input_block': 8, 'lr': 1e-4,
     'auxiliary': 0.3, 'losses_alone': True},
    {'id': 'auxiliary-googlenet-64-frozenbn', 'model': 'googlenet', 'seed': 1, 'shape': [4, 3, 64, 64], 'input_block': 8,
     'lr': 1e-4, 'auxiliary': 0.3, 'bn': 'frozen'},
]
COMMON = {'classes': 10, 'bn': 'batch', 'labels': [1, 4, 7, 0], 'steps': 3, 'momentum': 0.9, 'weight_decay': 1e-4}
MASK = 0xFFFFFFFF


def mix(h):
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return h ^ (h >> np.uint32(16))


def hashed(seed, name, shape, mid, half):
    a = 0x811C9DC5
    for byte in name.encode():
        a = ((a ^ byte) * 0x01000193) & MASK
    with np.errstate(over='ignore'):
        b = mix(np.uint32(a ^ seed))
        bits = mix(mix(np.arange(math.prod(shape), dtype=np.uint32) + np.uint32(a)) + b)
    s = ((bits >> np.uint32(8)).astype(np.float64) - 2.0 ** 23) * 2.0 ** -23
    return torch.from_numpy((mid + half * s).astype(np.float32).reshape(shape))


def f32(x):
    return float(np.float32(x))


class LeNet5(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.conv3 = nn.Conv2d(16, 120, 5)
        self.fc1, self.fc2 = nn.Linear(120, 84), nn.Linear(84, classes)

    def forward(self, x):
        x = F.avg_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        return self.fc2(torch.tanh(self.fc1(torch.tanh(self.conv3(x)).flatten(1))))


def build(case):
    if case['model'] == 'lenet5':
        return LeNet5(case['classes'])
    return torchvision.models.googlenet(num_classes=case['classes'], aux_logits=True, transform_input=False,
                                        init_weights=False, dropout=0.0, dropout_aux=0.0)


def table(case, model):
    """Name, shape, middle and half width of every parameter and running statistic."""
    modules, rows = dict(model.named_modules()), []
    for key, tensor in model.state_dict().items():
        if key.endswith('num_batches_tracked'):
            continue
        owner, leaf = key.rsplit('.', 1)
        if isinstance(modules[owner], nn.BatchNorm2d):
            mid, half = {'weight': (1.0, 0.2), 'bias': (0.0, 0.1), 'running_mean': (0.0, 0.1), 'running_var': (1.0, 0.25)}[leaf]
        elif leaf == 'bias':
            mid, half = 0.0, 0.1
        else:
            gain = 1.0 if case['model'] == 'lenet5' or owner.split('.')[-1] in ('fc', 'fc2') else 2.0
            mid, half = 0.0, math.sqrt(3.0 * gain / math.prod(tensor.shape[1:]))
        rows.append((key, list(tensor.shape), f32(mid), f32(half)))
    return rows


def pictures(case):
    (n, c, h, w), k = case['shape'], case['input_block']
    x = hashed(case['seed'], 'input', (n, c, h // k, w // k), 0.0, f32(math.sqrt(3)))
    return x.repeat_interleave(k, 2).repeat_interleave(k, 3)


def run(case, dtype, noise):
    model = build(case)
    state = model.state_dict()
    for key, shape, mid, half in table(case, model):
        state[key].copy_(hashed(case['seed'], key, shape, mid, half))
    model.to(dtype).train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and case['bn'] == 'frozen':
            module.eval()
    x = pictures(case)
    if noise:
        x = x * (1 + 1e-6 * hashed(noise, 'noise', x.shape, 0.0, 1.0))
    x = x.to(dtype).requires_grad_(True)
    labels = torch.tensor(case['labels'])
    optimizer = torch.optim.SGD(model.parameters(), lr=case['lr'], momentum=case['momentum'], weight_decay=case['weight_decay'])

    def loss_of(answer):
        if isinstance(answer, torch.Tensor):
            return answer, F.cross_entropy(answer, labels)
        others = F.cross_entropy(answer.aux_logits1, labels) + F.cross_entropy(answer.aux_logits2, labels)
        return answer.logits, F.cross_entropy(answer.logits, labels) + case['auxiliary'] * others

    found = {'losses': [], 'norms': []}
    for step in range(case['steps']):
        optimizer.zero_grad()
        logits, loss = loss_of(model(x))
        loss.backward()
        found['losses'].append(loss.item())
        if step == 0:
            found['grads'] = {name: p.grad.detach().clone() for name, p in model.named_parameters()}
            found['input_grad'], found['logits'] = x.grad.detach().clone(), logits.detach().clone()
            found['stats'] = {name: b.detach().clone() for name, b in model.named_buffers() if 'running' in name}
        if 'clip_norm' in case:
            found['norms'].append(nn.utils.clip_grad_norm_(model.parameters(), case['clip_norm']).item())
        optimizer.step()
    with torch.no_grad():
        found['losses'].append(loss_of(model(x))[1].item())
    found['after'] = {name: p.detach() for name, p in model.named_parameters()}
    return found


def number(x):
    return float(f'{float(x):.9g}')


def summary(tensor):
    v = tensor.detach().double().reshape(-1)
    picks = [v[k * (v.numel() - 1) // 11] for k in range(12)]
    return [number(x) for x in [v.mean(), v.std(unbiased=False), v.min(), v.max()] + picks]


def relative(a, b):
    return float((a.double() - b.double()).abs().max() / b.double().abs().max().clamp_min(1e-30))


def reference(case):
    case = {**COMMON, **case}
    right = run(case, torch.float64, 0)
    losses, after, logits, pixels, grads = [0.0] * len(right['losses']), 0.0, 0.0, 0.0, dict.fromkeys(right['grads'], 0.0)
    for noise in (0, 1):
        found = run(case, torch.float32, noise)
        losses = [max(e, abs(a - b) / abs(b)) for e, a, b in zip(losses, found['losses'], right['losses'])]
        logits = max(logits, relative(found['logits'], right['logits']))
        pixels = max(pixels, relative(found['input_grad'], right['input_grad']))
        for name, gradient in right['grads'].items():
            grads[name] = max(grads[name], relative(found['grads'][name], gradient))
            after = max(after, relative(found['after'][name], right['after'][name]))
    summaries = lambda tensors: {name: summary(tensor) for name, tensor in tensors.items()}
    print(case['id'], 'losses', right['losses'], 'norms', right['norms'], 'f32', max(losses), max(grads.values()), after)
    whole = {
        'case': case,
        'torch': torch.__version__.split('+')[0], 'torchvision': torchvision.__version__.split('+')[0],
        'input': {'name': 'input', 'shape': case['shape'], 'block': case['input_block'], 'mid': 0.0, 'half': f32(math.sqrt(3))},
        'params_columns': ['name', 'shape', 'mid', 'half'], 'params': table(case, build(case)),
        'f32_rel_err': {'losses': list(map(number, losses)), 'logits_step0': number(logits), 'input_grad': number(pixels),
                        'params_after_last_step_max': number(after),
                        'param_grads': {name: number(e) for name, e in grads.items()}},
        'losses': {'note': 'before each step, then after the last one', 'values': [number(v) for v in right['losses']]},
        'norms': [number(v) for v in right['norms']],
        'logits_step0': [[number(v) for v in row] for row in right['logits']],
        'input_grad': summary(right['input_grad']),
        'param_grads': summaries(right['grads']),
        'running_stats_after_step_1': summaries(right['stats']),
        'params_after_last_step': summaries(right['after']),
    }
    kept = ('case', 'torch', 'torchvision', 'input', 'params_columns', 'params', 'losses')
    return {key: whole[key] for key in kept} if 'losses_alone' in case else whole


def block(value, depth=0):
    """JSON with one line for every entry of the large tables."""
    if depth < 2 and value and (isinstance(value, dict) or isinstance(value, list) and isinstance(value[0], (list, tuple))):
        named = isinstance(value, dict)
        entries = [f'{json.dumps(k)}: {block(v, depth + 1)}' for k, v in value.items()] if named else map(
            lambda v: json.dumps(v, separators=(',', ':')), value)
        pad = ' ' * depth
        return '{['[not named] + '\n ' + pad + f',\n {pad}'.join(entries) + '\n' + pad + '}]'[not named]
    return json.dumps(value, separators=(',', ':'))


if __name__ == '__main__':
    torch.set_num_threads(1)
    for one in CASES:
        with open(f'{sys.argv[1]}/{one["id"]}.json', 'w') as file:
            file.write(block(reference(one)) + '\n')
