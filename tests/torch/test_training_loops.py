"""The training loops of other libraries, with what was written for torch.optim.Adam replaced by one of our methods.

Each library is tried where it is installed. What was tried, in which version, is in ``docs/training-loops.md``.
"""

import importlib
import io
import logging
import warnings

import pytest

pytest.importorskip("torch")

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR
from torch.utils.data import DataLoader, TensorDataset

from stepbench.fields import InputError
from stepbench.torch.optimizer import Optimizer

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("ignore")]

INPUTS = torch.randn(64, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
TARGETS = (INPUTS[:, 0] > 0).long()
BATCHES = DataLoader(TensorDataset(INPUTS, TARGETS), batch_size=16)


def library(name):
    """A library that may be missing; what it warns of when it is imported is its own affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError as error:
            pytest.skip(f"{name} cannot be imported here: {error}")


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)).double()


def vector(net):
    return nn.utils.parameters_to_vector(net.parameters()).detach().double()


def loss_of(net):
    return cross_entropy(net(INPUTS), TARGETS).item()


def ours(spec, **options):
    return lambda params: Optimizer(params, spec, **options)


def torchs(params):
    return torch.optim.Adam(params, lr=0.01)


ADAM = ours("adam:lr=0.01")


def assert_the_same_way(train, atol=1e-12, **how):
    """Our Adam goes where torch's goes, and away from the start."""
    mine, theirs = (train(make, **how) for make in (ADAM, torchs))
    assert not torch.allclose(vector(theirs), vector(network()), rtol=0, atol=1e-3)
    assert torch.allclose(vector(mine), vector(theirs), rtol=0, atol=atol)


# Lightning ------------------------------------------------------------------------------------------------------------


def with_lightning(make, kind="automatic", epochs=3, resume=None, save=None, **options):
    lightning = library("lightning.pytorch")
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = network()
            self.automatic_optimization = kind in ("automatic", "scheduled")

        def loss(self, batch):
            return cross_entropy(self.net(batch[0]), batch[1])

        def training_step(self, batch, index):
            if self.automatic_optimization:
                return self.loss(batch)
            optimizer = self.optimizers()

            def closure():
                optimizer.zero_grad()
                loss = self.loss(batch)
                self.manual_backward(loss)
                return loss

            if kind == "closure":
                optimizer.step(closure=closure)
            else:
                closure()
                optimizer.step()
            return None

        def configure_optimizers(self):
            optimizer = make(self.parameters())
            if kind != "scheduled":
                return optimizer
            scheduler = CosineAnnealingLR(optimizer, 20)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    module, trainer = Module(), lightning.Trainer(max_epochs=epochs, accelerator="cpu", **quiet, **options)
    trainer.fit(module, BATCHES, ckpt_path=resume)
    if save:
        trainer.save_checkpoint(save)
    return module.net


@pytest.mark.parametrize("kind", ["automatic", "scheduled", "manual", "closure"])
def test_lightning(kind):
    assert_the_same_way(with_lightning, kind=kind)


@pytest.mark.parametrize("options", [{"gradient_clip_val": 0.1}, {"accumulate_grad_batches": 2}], ids=str)
def test_what_lightning_does_to_gradients(options):
    assert_the_same_way(with_lightning, **options)


def test_mixed_precision_in_lightning():
    """Gradients are rounded to bfloat16, so that single bits of the two programs may part."""
    assert_the_same_way(with_lightning, atol=1e-2, precision="bf16-mixed")


@pytest.mark.parametrize("spec", ["sls", "l4", "lossgrad", "rdbd"])
def test_lightning_gives_a_closure_by_itself(spec):
    """Automatic optimization passes the closure to every step, so that line searches go as by hand."""
    automatic, by_hand = (with_lightning(ours(spec), kind=kind) for kind in ("automatic", "closure"))
    assert torch.equal(vector(automatic), vector(by_hand))
    assert loss_of(automatic) < loss_of(network())


@pytest.mark.parametrize("spec", ["adam", "rdbd", "sls"])
def test_lightning_resumes_to_the_last_bit(spec, tmp_path):
    path = tmp_path / "after-one.ckpt"
    with_lightning(ours(spec), epochs=1, save=path)
    assert torch.equal(vector(with_lightning(ours(spec), resume=path)), vector(with_lightning(ours(spec))))


# Accelerate -----------------------------------------------------------------------------------------------------------


def with_accelerate(make, folder=None, closure=False, clip=None, schedule=False, **options):
    accelerate = library("accelerate")
    accelerate.state.AcceleratorState._reset_state(True)
    accelerate.state.GradientState._reset_state()
    accelerator = accelerate.Accelerator(cpu=True, **options)

    def prepared():
        net = network()
        optimizer = make(net.parameters())
        made = [net, optimizer] + ([CosineAnnealingLR(optimizer, 20)] if schedule else [])
        return [*accelerator.prepare(*made), None][:3]

    net, optimizer, scheduler = prepared()
    batches = accelerator.prepare(BATCHES)
    for epoch in range(3):
        if folder and epoch == 1:
            accelerator.save_state(folder)
            accelerator._models.clear()
            accelerator._optimizers.clear()
            net, optimizer, scheduler = prepared()
            accelerator.load_state(folder)
        for inputs, targets in batches:
            with accelerator.accumulate(net):

                def look(inputs=inputs, targets=targets, net=net, optimizer=optimizer):
                    optimizer.zero_grad()
                    loss = cross_entropy(net(inputs), targets)
                    accelerator.backward(loss)
                    return loss

                if closure:
                    optimizer.step(look)
                    continue
                accelerator.backward(cross_entropy(net(inputs), targets))
                if clip and accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(net.parameters(), clip)
                optimizer.step()
                if scheduler:
                    scheduler.step()
                optimizer.zero_grad()
    return net


@pytest.mark.parametrize(
    "options", [{}, {"clip": 0.1}, {"schedule": True}, {"gradient_accumulation_steps": 2}], ids=str
)
def test_accelerate(options):
    assert_the_same_way(with_accelerate, **options)


def test_mixed_precision_in_accelerate():
    """Gradients are rounded to bfloat16, so that single bits of the two programs may part."""
    assert_the_same_way(with_accelerate, atol=1e-2, mixed_precision="bf16")


@pytest.mark.parametrize("spec", ["adam", "rdbd", "sls"])
def test_accelerate_resumes_to_the_last_bit(spec, tmp_path):
    how = {"closure": spec == "sls"}
    resumed = with_accelerate(ours(spec), folder=str(tmp_path), **how)
    assert torch.equal(vector(resumed), vector(with_accelerate(ours(spec), **how)))


# The Trainer ----------------------------------------------------------------------------------------------------------


def with_trainer(make, folder, resume=None, class_of=None, **options):
    transformers = library("transformers")
    library("accelerate")
    transformers.logging.set_verbosity_error()

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = network()

        def forward(self, inputs=None, labels=None):
            outputs = self.net(inputs)
            return {"loss": cross_entropy(outputs, labels), "logits": outputs}

    model = Model()
    quiet = {"report_to": [], "disable_tqdm": True, "logging_strategy": "no", "use_cpu": True}
    options = {"save_strategy": "no", "num_train_epochs": 3, "seed": 1} | quiet | options
    arguments = transformers.TrainingArguments(str(folder), per_device_train_batch_size=16, **options)
    rows = [{"inputs": x, "labels": y} for x, y in zip(INPUTS, TARGETS, strict=True)]
    how = {"optimizer_cls_and_kwargs": class_of} if class_of else {"optimizers": (make(model.parameters()), None)}
    trainer = transformers.Trainer(model=model, args=arguments, train_dataset=rows, **how)
    trainer.train(resume_from_checkpoint=resume)
    return model.net


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gradient_accumulation_steps": 2},
        {"lr_scheduler_type": "cosine", "warmup_steps": 4},
        {"max_grad_norm": 0.1},
    ],
    ids=str,
)
def test_the_trainer(options, tmp_path):
    """Its default schedule falls linearly; gradients are clipped."""
    assert_the_same_way(with_trainer, folder=tmp_path, **options)


def test_the_trainer_makes_the_optimizer_itself(tmp_path):
    """From a class and its keywords; the weight decay of its groups, coupled as Adam's is, is the Trainer's own."""
    how = {"folder": tmp_path, "weight_decay": 0.1}
    theirs = with_trainer(None, class_of=(torch.optim.Adam, {"lr": 0.01}), **how)
    mine = with_trainer(None, class_of=(Optimizer, {"method": "adam", "lr": 0.01}), **how)
    assert torch.allclose(vector(mine), vector(theirs), rtol=0, atol=1e-12)


@pytest.mark.parametrize("spec", ["adam", "rdbd"])
def test_the_trainer_resumes_to_the_last_bit(spec, tmp_path):
    """A method that sets its own step size needs the constant schedule."""
    how = {"lr_scheduler_type": "constant"}
    whole = with_trainer(ours(spec), tmp_path / "a", save_strategy="epoch", **how)
    assert torch.equal(
        vector(whole), vector(with_trainer(ours(spec), tmp_path / "b", resume=tmp_path / "a" / "checkpoint-4", **how))
    )


def test_the_trainers_schedule_is_refused_by_a_method_that_sets_its_own_step_size(tmp_path):
    library("transformers")
    with pytest.raises(InputError, match=r"\Ardbd sets its own step size.*\Z"):
        with_trainer(ours("rdbd"), tmp_path)


# timm -----------------------------------------------------------------------------------------------------------------


def with_timm(make, groups=None, schedule=None, wrap=lambda optimizer: optimizer, steps=6, cut=None, closure=False):
    """Steps of a small ViT; at ``cut`` the model and the optimizer go through a file."""
    timm = library("timm")

    def prepared():
        torch.manual_seed(0)
        sizes = {"embed_dim": 16, "depth": 2, "num_heads": 2}
        net = timm.models.VisionTransformer(img_size=16, patch_size=8, num_classes=2, **sizes).double()
        return net, wrap(make(groups(net) if groups else net.parameters()))

    net, optimizer = prepared()
    scheduler = schedule(optimizer) if schedule else None
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for k in range(steps):
        if k == cut:
            file = io.BytesIO()
            torch.save((net.state_dict(), optimizer.state_dict()), file)
            file.seek(0)
            net, optimizer = prepared()
            weights, state = torch.load(file, weights_only=True)
            net.load_state_dict(weights)
            optimizer.load_state_dict(state)
        if scheduler:
            scheduler.step(k)

        def look(net=net, optimizer=optimizer):
            optimizer.zero_grad()
            loss = cross_entropy(net(images), torch.arange(4) % 2)
            loss.backward()
            return loss

        if closure:
            optimizer.step(look)
        else:
            look()
            optimizer.step()
    return net


def layer_decay(**options):
    return lambda net: library("timm.optim").param_groups_layer_decay(net, layer_decay=0.7, **options)


def cosine(optimizer):
    return library("timm.scheduler").CosineLRScheduler(optimizer, t_initial=6, warmup_t=2, warmup_lr_init=1e-5)


TIMM = {
    "plain": {},
    "layer decay": {"groups": layer_decay(weight_decay=0.0)},
    "layer decay, cosine with warm-up": {"groups": layer_decay(weight_decay=0.0), "schedule": cosine},
    "layer decay, weight decay, cosine": {"groups": layer_decay(weight_decay=0.05), "schedule": cosine},
    "lookahead": {"wrap": lambda optimizer: library("timm.optim").Lookahead(optimizer), "steps": 14},
}


@pytest.mark.parametrize("how", TIMM)
def test_timm(how):
    mine, theirs = (with_timm(make, **TIMM[how]) for make in (ADAM, torchs))
    assert torch.allclose(vector(mine), vector(theirs), rtol=0, atol=1e-8)


def test_timms_decoupled_weight_decay():
    how = TIMM["layer decay, weight decay, cosine"]
    mine = with_timm(ours("adam:lr=0.01", weight_decay=0.05, decoupled_weight_decay=True), **how)
    theirs = with_timm(lambda groups: torch.optim.AdamW(groups, lr=0.01, weight_decay=0.05), **how)
    assert torch.allclose(vector(mine), vector(theirs), rtol=0, atol=1e-8)


@pytest.mark.parametrize("spec", ["adam", "rdbd", "l4", "sls"])
def test_lookahead_resumes_to_the_last_bit(spec):
    """Its slow weights stand in the state of each parameter. It moves them after every six steps."""
    how = {"wrap": TIMM["lookahead"]["wrap"], "steps": 12, "closure": spec in ("l4", "sls")}
    assert torch.equal(vector(with_timm(ours(spec), cut=6, **how)), vector(with_timm(ours(spec), **how)))


def test_timm_makes_the_optimizer_by_its_name():
    timm = library("timm.optim")
    net = network()
    registry = timm.OptimizerRegistry()
    registry.register(timm.OptimInfo(name="rdbd", opt_class=Optimizer, defaults={"method": "rdbd"}))
    optimizer = registry.create_optimizer(net, "rdbd", lr=0.01, weight_decay=0.0)
    assert isinstance(optimizer, Optimizer)
    assert optimizer.param_groups[0]["lr"] == 0.01


# Loops by hand --------------------------------------------------------------------------------------------------------


class SAM:
    """Sharpness-aware minimisation as it is mostly written: it climbs, looks at the gradient, and steps from below."""

    def __init__(self, optimizer, rho=0.05):
        self.optimizer, self.rho = optimizer, rho

    def step(self, look):
        look()
        params = [p for group in self.optimizer.param_groups for p in group["params"]]
        below = [p.detach().clone() for p in params]
        norm = nn.utils.get_total_norm([p.grad for p in params])
        with torch.no_grad():
            for p in params:
                p.add_(p.grad, alpha=self.rho / norm)
        look()
        with torch.no_grad():
            for p, start in zip(params, below, strict=True):
                p.copy_(start)
        self.optimizer.step()


def by_hand(make, wrap=None, compiled=False, accumulate=1):
    net = network()
    model = torch.compile(net, backend="eager") if compiled else net
    optimizer = make(net.parameters())
    wrapped = wrap(optimizer) if wrap else None
    for _ in range(3):
        for k, (inputs, targets) in enumerate(BATCHES):

            def look(inputs=inputs, targets=targets):
                if not accumulate > 1:
                    optimizer.zero_grad()
                (cross_entropy(model(inputs), targets) / accumulate).backward()

            if wrapped:
                wrapped.step(look)
                continue
            look()
            if (k + 1) % accumulate == 0:
                optimizer.step()
                optimizer.zero_grad()
    return net


@pytest.mark.parametrize("how", [{}, {"wrap": SAM}, {"compiled": True}, {"accumulate": 2}], ids=str)
def test_loops_by_hand(how):
    assert_the_same_way(by_hand, **how)


def test_a_scaler_and_autocast():
    """The loss is scaled by powers of two, and unscaled before the step; sums in bfloat16 may differ in a bit."""

    def train(make):
        net, scaler = network().float(), torch.amp.GradScaler("cpu", init_scale=2.0**8)
        optimizer = make(net.parameters())
        for inputs, targets in BATCHES:
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16):
                loss = cross_entropy(net(inputs.float()), targets)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
        return net

    assert_the_same_way(train, atol=1e-4)


def test_a_schedule_that_changes_nothing_suits_every_method_with_a_step_size():
    """A loop that always makes a scheduler makes a constant one."""
    for spec in ("rdbd", "bb", "dbd"):
        net = network()
        optimizer = Optimizer(net.parameters(), spec)
        scheduler = LambdaLR(optimizer, lambda epoch: 1.0)
        for _ in range(3):
            optimizer.zero_grad()
            cross_entropy(net(INPUTS), TARGETS).backward()
            optimizer.step()
            scheduler.step()
