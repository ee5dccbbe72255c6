"""The networks of the papers, on small files of the real format."""

import numpy as np
import pytest

import stepbench
from stepbench.conformance.networks import CHECKS
from stepbench.fields import InputError
from tests.engine.stopping import assert_same

pytest.importorskip("torch")
pytest.importorskip("torchvision")

import torch
from torch import nn

from stepbench.torch import datasets

SMALL = {
    "mnist-dropout": ("batch=16", 10),
    "cifar-wrn": ("batch=16,depth=10,widen=1", 100),
    "cifar-wrn:classes=10": ("batch=16,depth=10,widen=1", 10),
    "cifar10-vgg9:batch_norm=true": ("batch=16", 10),
    "cifar-vit": ("side=32,layers=2", 100),
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", SMALL)
def test_a_few_steps_of_each_lower_the_loss_and_have_the_same_bits_again(data, name):
    options, classes = SMALL[name]
    problem = f"{name}{',' if ':' in name else ':'}{options}"
    first, again = (stepbench.run(problem, "adam:lr=1e-3", steps=4, every=4) for _ in range(2))
    assert_same(first, again)
    assert first.f[0] == pytest.approx(np.log(classes), rel=0.25)
    assert first.f.min() < first.f[0]


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "problem", ["cifar-wrn:batch=8,depth=10,widen=1,samples=16", "cifar-vit:side=16,layers=1,samples=16"]
)
def test_the_checks_of_every_network_hold(data, problem):
    for check in CHECKS:
        check(stepbench.problem(problem))


def test_wrn_16_4_has_the_layers_of_its_paper(data):
    """Its number of weights by Table 1 of Zagoruyko & Komodakis, 2.7 million, and each shape in its order."""
    problem = stepbench.problem("cifar-wrn:classes=10")
    groups, before, total = (64, 128, 256), 16, 3 * 16 * 9
    for after in groups:
        for _ in range(2):
            total += 2 * before + 9 * before * after + 2 * after + 9 * after * after
            total += before * after if before != after else 0  # the shortcut
            before = after
    total += 2 * 256 + 256 * 10 + 10
    assert sum(problem.tensors) == total
    assert round(total / 1e6, 1) == 2.7
    with pytest.raises(InputError, match="depth must be 4 more than a multiple of 6"):
        stepbench.problem("cifar-wrn:depth=15")


def test_a_crop_is_one_of_those_that_torchvision_makes():
    """Every image is a cut of itself with a black border, turned or not; all places occur, and half are turned."""
    from torchvision.transforms import functional

    numbers = torch.Generator().manual_seed(0)
    image = torch.rand(3, 6, 5, generator=numbers) * 2 - 1
    bordered = functional.pad(image, 4, fill=-1.0)
    cuts = [functional.crop(bordered, top, left, 6, 5) for top in range(9) for left in range(9)]
    possible = torch.stack([*cuts, *(functional.hflip(cut) for cut in cuts)])
    made = datasets.cropped(image.repeat(2000, 1, 1, 1), numbers)
    same = (made[:, None] == possible).flatten(2).all(2)
    assert same.any(1).all()
    assert same.any(0).all()
    assert same[:, 81:].any(1).float().mean() == pytest.approx(0.5, abs=0.05)


def timms_vit(weights, x):
    """The outputs before the last layer, by the formulas of timm's class and its names."""
    F = nn.functional

    def layer(name, x):
        return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(name, x):
        return F.layer_norm(x, (384,), weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-6)

    x = F.conv2d(x, weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"], stride=16)
    x = torch.cat([weights["cls_token"].expand(len(x), -1, -1), x.flatten(2).mT], 1) + weights["pos_embed"]
    n, tokens, _ = x.shape
    for k in range(2):
        qkv = layer(f"blocks.{k}.attn.qkv", norm(f"blocks.{k}.norm1", x)).view(n, tokens, 3, 6, 64)
        q, key, v = qkv.permute(2, 0, 3, 1, 4)
        mixed = (q @ key.mT / 8).softmax(-1) @ v
        x = x + layer(f"blocks.{k}.attn.proj", mixed.transpose(1, 2).flatten(2))
        inner = F.gelu(layer(f"blocks.{k}.mlp.fc1", norm(f"blocks.{k}.norm2", x)))
        x = x + layer(f"blocks.{k}.mlp.fc2", inner)
    return norm("norm", x)[:, 0]


def timms_weights(tokens):
    """Weights with timm's names and shapes, of a transformer of two layers."""
    numbers = torch.Generator().manual_seed(0)
    shapes = {"cls_token": (1, 1, 384), "pos_embed": (1, tokens, 384), "patch_embed.proj": (384, 3, 16, 16)}
    for k in range(2):
        shapes |= {f"blocks.{k}.attn.qkv": (1152, 384), f"blocks.{k}.attn.proj": (384, 384)}
        shapes |= {f"blocks.{k}.mlp.fc1": (1536, 384), f"blocks.{k}.mlp.fc2": (384, 1536)}
        shapes |= {f"blocks.{k}.norm{i}": (384,) for i in (1, 2)}
    shapes |= {"norm": (384,), "head": (1000, 384)}
    weights = {}
    for name, shape in shapes.items():
        alone = "_" in name and "." not in name
        weights[name if alone else f"{name}.weight"] = 0.1 * torch.randn(shape, generator=numbers)
        if not alone:
            weights[f"{name}.bias"] = 0.1 * torch.randn(shape[0], generator=numbers)
    return weights


def test_pretrained_weights_of_timms_form_are_taken(data):
    weights = timms_weights(1 + 4)
    torch.save(weights, data / "vit_small_patch16_224.pth")
    problem = stepbench.problem("cifar-vit:classes=10,side=32,layers=2,pretrained=true")
    enlarge, vit = problem.trained(problem.x0).eval()
    x = problem.dataset.inputs[:3]
    with torch.no_grad():
        vit.heads = nn.Identity()
        assert torch.allclose(vit(enlarge(x)), timms_vit(weights, x), atol=1e-4)
    assert problem.libraries["weights"]


def test_pretrained_weights_that_do_not_fit_are_refused_in_one_line(data):
    spec = "cifar-vit:classes=10,side=32,layers=2,pretrained=true"
    with pytest.raises(InputError, match="cannot be read"):
        stepbench.run(spec, "gd", steps=1)
    wrong = (timms_weights(9), "size mismatch"), ({"conv.weight": torch.ones(1)}, "not of this network")
    for weights, words in wrong:
        torch.save(weights, data / "vit_small_patch16_224.pth")
        with pytest.raises(InputError, match=words) as refusal:
            stepbench.run(spec, "gd", steps=1)
        assert "\n" not in str(refusal.value)
