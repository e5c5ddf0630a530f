#!/usr/bin/env python3
"""Makes the golden ViT cases that are nearfar's own, in the folder of this file, and their rows of index.json.

References: timm 1.0.31 in float64 (networks and their gradients), bicubic resampling written out in numpy and held against
timm's resample_abs_pos_embed, and the fixed embedding as facebookresearch/moco-v3 (vits.py) computes it. Needs torch, timm,
numpy and safetensors. Input values are hashed, so that nothing depends on a generator.
"""
import json
import pathlib

import numpy
import safetensors.torch
import timm
import torch
from timm.layers import resample_abs_pos_embed

FOLDER = pathlib.Path(__file__).resolve().parent
NAME = "vit_tiny_patch16_224"
TOLERANCE = {"all": {"rtol": 1e-9, "atol": 1e-11}, "grad": {"rtol": 1e-8, "atol": 1e-11}}


def hashed(name, shape):
    """In [-1, 1), by the recipe of the operation resnet."""
    h = 2166136261
    for byte in name.encode():
        h = (h ^ byte) * 16777619 % 2**32
    x = (numpy.arange(int(numpy.prod(shape)), dtype=numpy.uint64) + h * 2654435769 % 2**32) % 2**32
    for shift, factor in ((16, 2246822507), (13, 3266489909)):
        x = (x ^ (x >> numpy.uint64(shift))) * numpy.uint64(factor) % numpy.uint64(2**32)
    x ^= x >> numpy.uint64(16)
    return torch.from_numpy(2.0 * (x.astype(numpy.float64) / 2**32) - 1.0).reshape(shape)


def hashed_weight(name, shape):
    u = hashed(name, shape)
    if name in ("cls_token", "pos_embed"):
        return 0.5 * u
    if len(shape) >= 2:
        return (6.0 / numpy.prod(shape[1:])) ** 0.5 * u
    return 1 + 0.2 * u if name.endswith("weight") else 0.1 * u


def cubic(x, a=-0.5):
    x = abs(x)
    if x < 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def resampling_matrix(old, new):
    """Rows of weights: the kernel around each new centre, widened where the grid shrinks, renormalised at the edges."""
    scale = old / new
    wide = max(scale, 1.0)
    matrix = numpy.array([[cubic((i + 0.5 - (j + 0.5) * scale) / wide) for i in range(old)]
                          for j in range(new)])
    return matrix / matrix.sum(1, keepdims=True)


def resample(positions, old, new):
    grid = positions[0, 1:].reshape(*old, -1)
    rows, columns = (torch.from_numpy(resampling_matrix(a, b)) for a, b in zip(old, new))
    resized = torch.einsum("ar,bc,rcd->abd", rows, columns, grid).reshape(1, new[0] * new[1], -1)
    own = torch.cat([positions[:, :1], resized], 1)
    theirs = resample_abs_pos_embed(positions.detach().float(), list(new), list(old))
    assert (own - theirs).abs().max() < 2e-6, (old, new)
    return own


def sincos(rows, columns, width):
    """vits.py's lines in float32; its grid is square, and its w runs along the slow index."""
    grid_w, grid_h = torch.meshgrid(torch.arange(rows, dtype=torch.float32),
                                    torch.arange(columns, dtype=torch.float32), indexing="ij")
    omega = 1.0 / 10000 ** (torch.arange(width // 4, dtype=torch.float32) / (width // 4))
    out_w = torch.outer(grid_w.flatten(), omega)
    out_h = torch.outer(grid_h.flatten(), omega)
    table = torch.cat([out_w.sin(), out_w.cos(), out_h.sin(), out_h.cos()], 1)
    return torch.cat([torch.zeros(1, width), table])[None]


def network(pool, image, size, patch, depth, heads, channels, kept):
    """Features, tokens and gradients of a model whose embedding belongs to `image` at images of `size`."""
    model = timm.create_model(NAME, num_classes=0, img_size=size, patch_size=patch, depth=depth, num_heads=heads,
                              in_chans=channels, global_pool=pool).double().eval()
    old, new = (image // patch,) * 2, tuple(side // patch for side in size)
    state = {name: hashed_weight(name, tuple(tensor.shape)) for name, tensor in model.state_dict().items()}
    state["pos_embed"] = hashed_weight("pos_embed", (1, 1 + old[0] * old[1], 192))
    state = {name: tensor.requires_grad_() for name, tensor in state.items()}
    images = (2.0 * hashed("input", (2, channels, *size))).requires_grad_()
    used = state | {"pos_embed": state["pos_embed"] if old == new else resample(state["pos_embed"], old, new)}
    tokens = torch.func.functional_call(
        _Tokens(model), {f"model.{name}": tensor for name, tensor in used.items()}, (images,))
    with torch.no_grad():
        plain = {f"model.{name}": tensor for name, tensor in used.items()}
        expected = torch.func.functional_call(_Whole(model), plain, (images,))
    features = tokens[:, 0]
    if pool == "avg":
        features = torch.nn.functional.layer_norm(tokens[:, 1:].mean(1), (192,), used["fc_norm.weight"],
                                                  used["fc_norm.bias"], 1e-6)
    assert (features - expected).abs().max() < 1e-12
    direction = hashed("direction", tuple(features.shape))
    (features * direction).sum().backward()
    gradients = {f"grad.{name}": state[name].grad for name in kept}
    return {"input": images.detach(), "direction": direction, "features": features.detach(),
            "tokens": tokens.detach(), "grad.input": images.grad, **gradients}


class _Tokens(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        return self.model.forward_features(images)


class _Whole(_Tokens):
    def forward(self, images):
        return self.model(images)


def cases():
    """(file, operation, hyper-parameters, producer, tolerance, tensors)."""
    kept = ["cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias", "blocks.0.norm1.weight",
            "blocks.0.attn.qkv.bias", "blocks.0.attn.proj.bias", "blocks.1.mlp.fc1.bias"]
    for stem, pool, image, size, patch, heads, channels in (
            ("vit_tiny_avg_p4_s28_gradients", "avg", 28, (28, 28), 4, 3, 1),
            ("vit_tiny_token_p8_s32_on_24x40", "token", 32, (24, 40), 8, 6, 3)):
        norm = ["fc_norm.weight"] if pool == "avg" else ["norm.weight"]
        hyper = {"architecture": NAME, "image_size": image, "patch": patch, "heads": heads, "depth": 2, "pool": pool}
        yield (stem, "vit", hyper, "timm 1.0.31", TOLERANCE,
               network(pool, image, size, patch, 2, heads, channels, kept + norm))
    positions = hashed("positions", (1, 1 + 14 * 14, 8))
    grids = [(7, 7), (16, 16), (20, 9), (3, 14)]
    yield ("vit_positions_14x14", "vit_positions", {"rows": 14, "columns": 14},
           "definition in numpy; equal to timm 1.0.31 within float32", {"all": {"rtol": 1e-12, "atol": 1e-13}},
           {"positions": positions} | {f"on.{a}x{b}": resample(positions, (14, 14), (a, b)) for a, b in grids})
    yield ("vit_sincos_14x14_w32", "vit_sincos", {"rows": 14, "columns": 14, "width": 32},
           "facebookresearch/moco-v3 vits.py in float32", {"all": {"rtol": 0, "atol": 4e-6}},
           {"positions": sincos(14, 14, 32)})


OPERATIONS = {
    "vit": "timm VisionTransformer in eval mode, float64, hashed weights (recipe in resnet), LayerNorm eps 1e-6, GELU "
           "exact (erf), no classifier head. input [N,C,H,W]; features [N,width] = the class token after the final norm, "
           "or with pool \"avg\" fc_norm of the mean of the patch tokens; tokens [N,1+P,width] = all tokens after the "
           "final norm (pool \"avg\": after the last block). pos_embed is that of image_size; on images of another size "
           "it is resampled as in vit_positions. For L = sum(features * direction): grad.input and grad.<parameter>.",
    "vit_positions": "positions [1,1+rows*columns,d] of a grid of patches, row by row, after the class token's; on.RxC "
                     "[1,1+R*C,d]: the first kept, the others resized by the bicubic kernel (a = -0.5) at pixel centres, "
                     "widened by old/new where a side shrinks, weights renormalised at the edges: timm's "
                     "resample_abs_pos_embed (bicubic, antialias=True).",
    "vit_sincos": "The fixed position embedding of MoCo v3: positions [1,1+rows*columns,width], zeros for the class "
                  "token, else sin(row w), cos(row w), sin(column w), cos(column w), w_i = 10000^(-i/(width/4)).",
}


def main():
    path = FOLDER / "index.json"
    index = json.loads(path.read_text())
    index["operations"].update(OPERATIONS)
    rows = []
    for stem, operation, hyper, producer, tolerance, tensors in cases():
        tensors = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
        file = f"encoders/{stem}.safetensors"
        safetensors.torch.save_file(tensors, FOLDER / file, {name: json.dumps(value) for name, value in hyper.items()})
        shapes = {name: {"dtype": "F64" if tensor.dtype == torch.float64 else "F32", "shape": list(tensor.shape)}
                  for name, tensor in tensors.items()}
        rows.append({"file": file, "family": "encoders", "operation": operation, "hyperparameters": hyper,
                     "producer": producer, "tolerance": tolerance, "checked": [], "tensors": shapes})
    made = {row["file"] for row in rows}
    others = [row for row in index["cases"] if row["file"] not in made]
    place = 1 + max(i for i, row in enumerate(others) if row["family"] == "encoders")
    index["cases"] = others[:place] + rows + others[place:]
    path.write_text(json.dumps(index, indent=1))


if __name__ == "__main__":
    main()
