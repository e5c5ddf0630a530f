"""SimCLR's networks in plain PyTorch, by nearfar's names: what a step of any framework contains."""
import torch
from torch import nn


class Block(nn.Module):
    """torchvision's BasicBlock."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                                            nn.BatchNorm2d(outputs))

    def forward(self, images):
        output = torch.relu_(self.bn1(self.conv1(images)))
        output = self.bn2(self.conv2(output))
        shortcut = images if self.downsample is None else self.downsample(images)
        return torch.relu_(output.add_(shortcut))


class Tiny(nn.Module):
    """The encoder `tiny`: a ResNet of one block a stage behind a 3x3 convolution of stride 2."""

    def __init__(self, channels, width):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        for stage in range(4):
            inputs = width << max(stage - 1, 0)
            block = Block(inputs, width << stage, 1 if stage == 0 else 2)
            setattr(self, f"layer{stage + 1}", nn.Sequential(block))

    def forward(self, images):
        output = torch.relu_(self.bn1(self.conv1(images)))
        for stage in range(4):
            output = getattr(self, f"layer{stage + 1}")(output)
        return output.mean((2, 3))


class Attention(nn.Module):
    """timm's, with its fused product."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens):
        images, count, width = tokens.shape
        qkv = self.qkv(tokens).reshape(images, count, 3, self.heads, width // self.heads)
        mixed = nn.functional.scaled_dot_product_attention(*qkv.permute(2, 0, 3, 1, 4).unbind(0))
        return self.proj(mixed.transpose(1, 2).reshape(images, count, width))


class TransformerBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Module()
        self.mlp.fc1 = nn.Linear(width, 4 * width)
        self.mlp.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens):
        tokens = tokens + self.attn(self.norm1(tokens))
        hidden = nn.functional.gelu(self.mlp.fc1(self.norm2(tokens)))
        return tokens + self.mlp.fc2(hidden)


class Vit(nn.Module):
    """The ViTs of timm with a class token, of the sizes that a state dict shows."""

    def __init__(self, state):
        super().__init__()
        width, channels, patch, _ = state["encoder.patch_embed.proj.weight"].shape
        depth = sum(name.endswith("attn.qkv.weight") for name in state)
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.pos_embed = nn.Parameter(torch.empty_like(state["encoder.pos_embed"]))
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(channels, width, patch, patch)
        self.blocks = nn.Sequential(*(TransformerBlock(width, width // 64) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, images):
        patches = self.patch_embed.proj(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(images), -1, -1), patches], 1)
        return self.norm(self.blocks(tokens + self.pos_embed))[:, 0]


class Head(nn.Module):
    """The projection head of two layers; its last norm has a scale and no shift."""

    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.linear1 = nn.Linear(inputs, hidden, bias=False)
        self.bn1 = nn.BatchNorm1d(hidden)
        self.linear2 = nn.Linear(hidden, outputs, bias=False)
        self.bn2 = nn.BatchNorm1d(outputs)
        self.bn2.bias = None

    def forward(self, features):
        return self.bn2(self.linear2(torch.relu_(self.bn1(self.linear1(features)))))


class SimClrNetworks(nn.Module):
    """Encoder and head of the sizes that a state dict shows."""

    def __init__(self, state):
        super().__init__()
        if "encoder.cls_token" in state:
            self.encoder = Vit(state)
        else:
            width, channels = state["encoder.conv1.weight"].shape[:2]
            self.encoder = Tiny(channels, width)
        hidden, features = state["projection.linear1.weight"].shape
        self.projection = Head(features, hidden, state["projection.linear2.weight"].shape[0])
        self.load_state_dict(state, strict=True)
        self.to(memory_format=torch.channels_last)

    def forward(self, images):
        return self.projection(self.encoder(images))
