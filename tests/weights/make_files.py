"""Writes the files beside it that tests/readers.rs reads, each with the library whose format it is.

    python make_files.py

with torch 2.15, onnx 1.23, safetensors 0.8 and numpy. Every tensor holds value(i) = ((37 i + length of its
name) mod 101 - 50) / 8 in row-major order, which is exact in every type down to bfloat16, so that one formula says what
any of the files must be read as. The hostile ones are opened by no program but our tests.
"""

import json
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file

HERE = Path(__file__).parent
SHAPES = {
    "conv.weight": (4, 3, 3, 3),
    "bn.weight": (4,),
    "bn.bias": (4,),
    "fc.weight": (5, 8),
    "fc.bias": (5,),
}


def values(name, shape):
    count = int(np.prod(shape))
    flat = [((37 * i + len(name)) % 101 - 50) / 8 for i in range(count)]
    return torch.tensor(flat, dtype=torch.float32).reshape(shape)


def state_dict(dtype=torch.float32):
    tensors = OrderedDict((name, values(name, shape).to(dtype)) for name, shape in SHAPES.items())
    tensors["bn.num_batches_tracked"] = torch.tensor(7)
    # What torch.nn.Module.state_dict notes beside its tensors.
    tensors._metadata = OrderedDict([("", {"version": 1}), ("bn", {"version": 2})])
    return tensors


def pytorch():
    torch.save(state_dict(), HERE / "zip.pth")
    torch.save(state_dict(), HERE / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(state_dict(torch.float16), HERE / "half.pth")
    torch.save(state_dict(torch.bfloat16), HERE / "bfloat16.pth")
    torch.save(state_dict(torch.float64), HERE / "double.pth")
    parallel = OrderedDict((f"module.{name}", tensor) for name, tensor in state_dict().items())
    momentum = {"state": {0: {"momentum_buffer": torch.zeros(4)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    run = {"epoch": 3, "best": 71.5, "arch": "tiny", "history": [1.5, 0.5], "optimizer": momentum}
    torch.save({**run, "state_dict": parallel}, HERE / "wrapped.pth")
    torch.save({**run, "model": parallel}, HERE / "wrapped_legacy.pth", _use_new_zipfile_serialization=False)
    parameters = OrderedDict((name, torch.nn.Parameter(values(name, shape))) for name, shape in SHAPES.items())
    torch.save(parameters, HERE / "parameters.pth")
    strided = OrderedDict(state_dict())
    strided["conv.weight"] = strided["conv.weight"].contiguous(memory_format=torch.channels_last)
    strided["fc.weight"] = strided["fc.weight"].t().contiguous().t()
    both = torch.cat([strided["bn.weight"], strided["bn.bias"]])
    strided["bn.weight"], strided["bn.bias"] = both[:4], both[4:]
    torch.save(strided, HERE / "strided.pth")
    expanded = {"fc.weight": torch.zeros(1).expand(1 << 40)}
    torch.save(expanded, HERE / "expanded.pth")
    torch.save(torch.nn.Linear(2, 2), HERE / "whole_model.pth")
    torch.save([1, 2, 3], HERE / "no_tensors.pth")


def rewritten(target, replace=None, compression=zipfile.ZIP_STORED):
    """zip.pth with other contents for some entries."""
    with zipfile.ZipFile(HERE / "zip.pth") as source, zipfile.ZipFile(HERE / target, "w", compression) as file:
        for entry in source.namelist():
            file.writestr(entry, (replace or {}).get(entry, source.read(entry)))


class Evil:
    def __reduce__(self):
        return os.system, ("echo nobody should see this",)


def hostile():
    rewritten("big_endian.pth", {"zip/byteorder": b"big"})
    rewritten("compressed.pth", compression=zipfile.ZIP_DEFLATED)
    evil = pickle.dumps({"conv.weight": Evil()}, protocol=2)
    rewritten("os_system.pth", {"zip/data.pkl": evil})
    (HERE / "os_system.pkl").write_bytes(evil)
    legacy = [pickle.dumps(part, protocol=2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    (HERE / "os_system_legacy.pth").write_bytes(b"".join(legacy) + evil + pickle.dumps([], protocol=2))
    # Four mebibytes of zeros in four kilobytes.
    with zipfile.ZipFile(HERE / "bomb.pth", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr("bomb/data.pkl", bytes(1 << 22))


def tiny():
    conv, fc = torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.Linear(8, 5)
    layers = OrderedDict(conv=conv, bn=torch.nn.BatchNorm2d(4), pool=torch.nn.AdaptiveAvgPool2d((1, 2)))
    layers.update(flatten=torch.nn.Flatten(), fc=fc)
    net = torch.nn.Sequential(layers)
    net.load_state_dict(state_dict(), strict=False)
    return net.eval()


def onnx_files():
    def model(tensors):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        node = helper.make_node("Conv", ["x", "conv.weight"], ["y"])
        return helper.make_model(helper.make_graph([node], "tiny", [x], [y], tensors))

    def raw(dtype):
        return [numpy_helper.from_array(values(n, s).numpy().astype(dtype), n) for n, s in SHAPES.items()]

    onnx.save(model(raw(np.float32)), HERE / "raw.onnx")
    onnx.save(model(raw(np.float16)), HERE / "half.onnx")
    brain = []
    for name, shape in SHAPES.items():
        words = values(name, shape).numpy().view(np.uint32) >> 16
        brain.append(helper.make_tensor(name, TensorProto.BFLOAT16, shape, words.astype("<u2").tobytes(), raw=True))
    onnx.save(model(brain), HERE / "bfloat16.onnx")
    flat = [helper.make_tensor(n, TensorProto.FLOAT, s, values(n, s).flatten().tolist()) for n, s in SHAPES.items()]
    onnx.save(model(flat), HERE / "floats.onnx")
    external = raw(np.float32)
    onnx.external_data_helper.set_external_data(external[0], "weights.bin")
    external[0].ClearField("raw_data")
    onnx.save(model(external), HERE / "external.onnx")
    torch.onnx.export(
        tiny(), (torch.zeros(1, 3, 8, 8),), HERE / "export.onnx", dynamo=False,
        do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE,
    )


def safetensors():
    for name, dtype in (("f32", torch.float32), ("f16", torch.float16), ("bf16", torch.bfloat16)):
        save_file(dict(state_dict(dtype)), HERE / f"{name}.safetensors", metadata={"format": "pt"})
    tensors = {n: t for n, t in state_dict().items()}
    halves = [dict(list(tensors.items())[:3]), dict(list(tensors.items())[3:])]
    names = [f"model-0000{i + 1}-of-00002.safetensors" for i in range(2)]
    for name, half in zip(names, halves):
        save_file(half, HERE / name)
    places = {tensor: name for name, half in zip(names, halves) for tensor in half}
    index = {"metadata": {"total_size": 0}, "weight_map": places}
    (HERE / "model.safetensors.index.json").write_text(json.dumps(index, indent=1))


if __name__ == "__main__":
    pytorch()
    hostile()
    onnx_files()
    safetensors()
