"""PyTorch's generic tests of an optimizer: what it remembers, saves, loads and copies. See ``generic.py``."""

import copy
import pickle

import pytest

pytest.importorskip("torch")

import torch

from stepbench.torch.optimizer import Optimizer
from tests.torch.generic import ONE_OF_EACH_KIND, SPECS, Trial, every, same, through_a_file

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.one_in(3)
@every()
def test_training_goes_on_from_a_state_dict_to_the_last_bit(spec):
    """Through a file that is read with weights_only. The dict that was given is not changed by loading or by steps."""
    trial = Trial(spec).run(6)
    state = through_a_file(trial.optimizer.state_dict())
    kept = copy.deepcopy(state)
    other = trial.continued(state, spec)
    for _ in range(6):
        trial.run(1)
        other.run(1)
        assert torch.equal(trial.point(), other.point())
    assert same(state, kept)
    assert same(trial.optimizer.state_dict(), other.optimizer.state_dict())


@pytest.mark.one_in(2)
@every()
def test_the_state_dict_is_the_same_for_the_same_steps(spec):
    one, other = Trial(spec).run(3).optimizer.state_dict(), Trial(spec).run(3).optimizer.state_dict()
    assert same(one, other)
    assert same(through_a_file(one), one)
    assert list(one["state"]) == list(other["state"])


@pytest.mark.one_in(2)
@every()
def test_a_state_dict_is_a_look_and_no_step(spec):
    looked, plain = Trial(spec), Trial(spec)
    looked.run(5, each=looked.optimizer.state_dict)
    assert torch.equal(looked.point(), plain.run(5).point())


@every()
def test_there_is_state_after_a_step_and_none_before(spec):
    trial = Trial(spec)
    assert not trial.optimizer.state
    trial.run(1)
    assert set(trial.optimizer.state) == {trial.weight, trial.bias}
    assert all(isinstance(entries, dict) for entries in trial.optimizer.state.values())


@pytest.mark.one_in(2)
@every()
def test_a_state_without_the_newest_entries_takes_their_defaults(spec):
    """A file of an older version lacks the hyper-parameters that came later; at their defaults, nothing differs."""
    trial = Trial(spec).run(3)
    state = trial.optimizer.state_dict()
    defaults = trial.optimizer.defaults
    for group in state["param_groups"]:
        for key in [key for key in group if key in defaults and key != "lr"]:
            del group[key]
    other = trial.continued(state, spec)
    assert torch.equal(other.run(2).point(), trial.run(2).point())


@every()
def test_the_parameters_of_a_state_are_numbered_as_torch_does(spec):
    state = Trial(spec, lambda w, b: [{"params": [w]}, {"params": [b]}]).run(1).optimizer.state_dict()
    theirs = torch.optim.SGD([{"params": [torch.ones(1)]}, {"params": [torch.ones(1)]}]).state_dict()
    assert [g["params"] for g in state["param_groups"]] == [g["params"] for g in theirs["param_groups"]]
    assert set(state["state"]) == {0, 1}


@pytest.mark.one_in(2)
@every()
def test_a_state_is_loaded_by_parameters_of_another_dtype(spec):
    """What has a number per component comes in the dtype of the parameters, as torch documents."""
    trial = Trial(spec, dtype=torch.float32).run(3)
    other = trial.continued(through_a_file(trial.optimizer.state_dict()), spec, dtype=torch.float64)
    trial.run(2)
    other.run(2)
    assert other.weight.dtype == torch.float64
    assert torch.allclose(other.point(), trial.point().double(), rtol=1e-3, atol=1e-4)


@pytest.mark.one_in(5)
@every()
def test_a_copy_goes_on_as_the_original(spec):
    trial = Trial(spec).run(4)
    public = {name for name in vars(trial.optimizer) if not name.startswith("_")}
    for copied in (copy.deepcopy(trial), pickle.loads(pickle.dumps(trial))):
        assert {name for name in vars(copied.optimizer) if not name.startswith("_")} == public
        assert copied.optimizer.param_groups[0]["params"][0] is copied.weight
        assert torch.equal(copied.run(3).point(), copy.deepcopy(trial).run(3).point())
    at = trial.point()
    copy.deepcopy(trial).run(1)
    assert torch.equal(trial.point(), at)


@every()
def test_hooks_of_saving(spec):
    trial = Trial(spec).run(1)
    seen = []

    def after(optimizer, state_dict):
        seen.append("after")
        state_dict["note"] = "seen"
        return {**state_dict, "returned": True}

    trial.optimizer.register_state_dict_pre_hook(lambda optimizer: seen.append("before"))
    trial.optimizer.register_state_dict_post_hook(after)
    state = trial.optimizer.state_dict()
    assert seen == ["before", "after"]
    assert state["note"] == "seen"
    assert state["returned"]


@every()
def test_hooks_of_loading(spec):
    """A hook before loading may put the state right; hooks go in their order, and one that is prepended goes first."""
    trial = Trial(spec).run(2)
    state = trial.optimizer.state_dict()
    broken = {"saved": state, "state": {}, "param_groups": []}
    other = Trial(spec)
    with torch.no_grad():
        other.weight.copy_(trial.weight)
        other.bias.copy_(trial.bias)
    seen = []

    def unpack(optimizer, state_dict):
        seen.append("unpack")
        return state_dict["saved"]

    other.optimizer.register_load_state_dict_pre_hook(lambda optimizer, state_dict: seen.append(len(state_dict)))
    other.optimizer.register_load_state_dict_pre_hook(unpack, prepend=True)
    other.optimizer.register_load_state_dict_post_hook(lambda optimizer: seen.append("loaded"))
    other.optimizer.load_state_dict(broken)
    assert seen == ["unpack", len(state), "loaded"]
    assert torch.equal(other.run(2).point(), trial.run(2).point())


@pytest.mark.one_in(3)
@every()
def test_counts_that_are_tensors_or_numbers_are_loaded_alike(spec):
    """Torch's files may hold the number of steps either as a tensor or as a number."""
    trial = Trial(spec).run(3)
    state = trial.optimizer.state_dict()

    def turned(value):
        if isinstance(value, dict):
            return {key: turned(one) for key, one in value.items()}
        if isinstance(value, torch.Tensor) and not value.ndim:
            return value.item() if not value.is_floating_point() else value
        return torch.tensor(value) if type(value) is int else value

    state["state"] = turned(state["state"])
    other = trial.continued(state, spec)
    assert torch.equal(other.run(3).point(), trial.run(3).point())


@pytest.mark.parametrize("spec", ONE_OF_EACH_KIND)
def test_parameters_in_another_order_are_matched_by_their_names(spec):
    trial = Trial(spec, lambda w, b: [("weight", w), ("bias", b)]).run(3)
    state = through_a_file(trial.optimizer.state_dict())
    other = Trial(spec, lambda w, b: [("bias", b), ("weight", w)])
    with torch.no_grad():
        other.weight.copy_(trial.weight)
        other.bias.copy_(trial.bias)
    other.optimizer.load_state_dict(state)
    for _ in range(3):
        trial.run(1)
        other.run(1)
        assert torch.allclose(trial.point(), other.point(), rtol=1e-13)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("spec", SPECS)
def test_what_others_keep_in_the_state_is_saved_and_loaded(spec):
    """Lookahead's slow weights, say, stand in the state of each parameter beside the method's own."""
    trial = Trial(spec).run(2)
    trial.optimizer.state[trial.weight]["slow"] = torch.full((10, 5), 2.0, dtype=torch.float64)
    other = trial.continued(through_a_file(trial.optimizer.state_dict()), spec)
    assert torch.equal(other.optimizer.state[other.weight]["slow"], torch.full((10, 5), 2.0, dtype=torch.float64))
    assert torch.equal(other.run(2).point(), trial.run(2).point())


@pytest.mark.parametrize("spec", ONE_OF_EACH_KIND)
def test_an_optimizer_that_has_made_no_step_saves_and_loads(spec):
    trial = Trial(spec)
    other = trial.continued(through_a_file(trial.optimizer.state_dict()), spec)
    assert torch.equal(other.run(3).point(), trial.run(3).point())


def test_the_words_of_a_method_are_none_of_torchs():
    """No hyper-parameter of a method has the name of an entry that torch or its schedulers keep in a group."""
    for spec in SPECS:
        names = set(Optimizer([torch.ones(1, requires_grad=True)], spec).defaults)
        assert not names & {"params", "param_names", "initial_lr", "max_lr", "min_lr", "swa_lr", "name"}, spec
