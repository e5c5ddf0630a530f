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
        width, channels = state["encoder.conv1.weight"].shape[:2]
        self.encoder = Tiny(channels, width)
        hidden, features = state["projection.linear1.weight"].shape
        self.projection = Head(features, hidden, state["projection.linear2.weight"].shape[0])
        self.load_state_dict(state, strict=True)
        self.to(memory_format=torch.channels_last)

    def forward(self, images):
        return self.projection(self.encoder(images))
