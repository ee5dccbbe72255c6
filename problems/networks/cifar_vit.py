"""A vision transformer on CIFAR."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from stepbench import InputError, param
from stepbench.torch import Network, datasets
from stepbench.torch.library import library

FILE = "vit_small_patch16_224.pth"
"""The file of the pretrained weights, in timm's form, in the folder of the data sets."""

NAMES = (
    ("cls_token", "class_token"),
    ("pos_embed", "encoder.pos_embedding"),
    ("patch_embed.proj", "conv_proj"),
    ("blocks.", "encoder.layers.encoder_layer_"),
    (".norm1.", ".ln_1."),
    (".norm2.", ".ln_2."),
    (".attn.qkv.", ".self_attention.in_proj_"),
    (".attn.proj.", ".self_attention.out_proj."),
    (".mlp.fc1.", ".mlp.0."),
    (".mlp.fc2.", ".mlp.3."),
)
"""What the parts of timm's names are called in torchvision."""


@dataclass(frozen=True)
class CifarViT(Network):
    """A vision transformer on CIFAR (to be fetched).

    f(w) is the mean cross-entropy over 50,000 images of 3 × 32 × 32, which are enlarged to ``side`` pixels; 10,000
    others are tested on. It is torchvision's class with the sizes of ViT-S/16: 12 layers, 6 heads, 384 wide. With
    ``pretrained`` it begins with the weights of vit_small_patch16_224.pth in the folder of the data sets, timm's file
    or one with its names, but for the last layer, which begins at 0; the images are then to have 224 pixels.
    """

    classes: Literal["10", "100"] = param("100", "", "CIFAR-10 or CIFAR-100")
    side: int = param(224, "", "pixels of a side, a multiple of 16", "[16, 4096]")
    layers: int = param(12, "", "layers of the transformer", "[1, 100]")
    pretrained: bool = param(False, "", "whether it begins with the weights of a file")
    samples: int | None = param(None, "n", "number of training images, from the first; none for all", "[1, 50000]")
    test_samples: int | None = param(None, "", "number of test images, from the first; none for all", "[1, 10000]")

    source = "Steiner et al. 2021, How to train your ViT; Wu et al. 2022, AdaLoss, Table 1"

    def __post_init__(self):
        super().__post_init__()
        if self.side % 16:
            raise InputError(f"{self.name}: side must be a multiple of 16, the side of a patch")

    def module(self):
        """The image enlarged, and the transformer."""
        nn = library().nn
        from torchvision.models import VisionTransformer

        sizes = {"image_size": self.side, "patch_size": 16, "num_layers": self.layers, "num_heads": 6}
        vit = VisionTransformer(**sizes, hidden_dim=384, mlp_dim=1536, num_classes=int(self.classes))
        if self.pretrained:
            self._load(vit)
        return nn.Sequential(nn.Upsample(size=self.side, mode="bilinear"), vit)

    def _load(self, vit):
        """Fill a module with the weights of the file; raises InputError where they cannot be read or do not fit."""
        path = datasets.data_folder() / FILE
        try:
            held = library().load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            why = str(error).partition("\n")[0]
            raise InputError(f"{self.name}: {path} cannot be read ({why}): put timm's weights there") from None
        weights = {renamed(name): values for name, values in held.items() if not name.startswith("head.")}
        try:
            wrong = vit.load_state_dict(weights, strict=False)
            rest = [name for name in wrong.missing_keys if not name.startswith("heads.")] + wrong.unexpected_keys
        except RuntimeError as error:
            rest = [str(error).partition("\n")[2].strip()]
        if rest:
            raise InputError(f"{self.name}: the weights of {path} are not of this network: {rest[0]}")

    @property
    def libraries(self):
        """The version of torch, and a digest of the weights that it begins with."""
        if not self.pretrained:
            return super().libraries
        path = datasets.data_folder() / FILE
        return super().libraries | {"weights": sha256(path.read_bytes()).hexdigest()[:12] if path.exists() else ""}

    def examples(self):
        """The images."""
        read = datasets.cifar10 if self.classes == "10" else datasets.cifar100
        return read(self.samples, self.test_samples)


def renamed(name):
    """The name in torchvision of a weight that is called so in timm."""
    for theirs, ours in NAMES:
        name = name.replace(theirs, ours)
    return f"encoder.ln.{name[5:]}" if name.startswith("norm.") else name
