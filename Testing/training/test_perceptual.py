"""The perceptual loss on images whose features are known."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, distributed

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.training.perceptual import PerceptualLoss
from MR2XRayLib.training.vgg import VggFeatures, convolutions_up_to


@pytest.fixture(scope="module")
def features() -> VggFeatures:
    """The first three layers, with random weights of He's size and without bias: quick."""
    random = torch.Generator().manual_seed(0)
    tensors = {}
    for convolution in convolutions_up_to("conv3_2"):
        for key, shape in convolution.shapes.items():
            size = (2 / (9 * convolution.channels_in)) ** 0.5 if len(shape) == 4 else 0.0
            tensors[key] = size * torch.randn(shape, generator=random)
    return VggFeatures(tensors, {"weights": "random weights"})


@pytest.fixture(autouse=True)
def a_fixed_seed() -> None:
    torch.manual_seed(0)


def images(pixels: int = 32) -> Tensor:
    return 2 * torch.rand(1, 1, pixels, pixels) - 1


def distances(features: VggFeatures, a: Tensor, b: Tensor) -> Tensor:
    """The mean absolute difference of each layer."""
    return torch.stack([(x - y).abs().mean() for x, y in zip(features(a), features(b), strict=True)])


def test_all_layers_contribute_equally_at_the_start(features: VggFeatures) -> None:
    a, b = images(), images()
    loss = PerceptualLoss(features)
    assert loss.layer_weights.isnan().all()
    assert loss(a, b).item() == pytest.approx(1.0, abs=1e-5)
    torch.testing.assert_close(loss.layer_weights * distances(features, a, b), torch.full((3,), 1 / 3))


def test_the_weights_of_the_first_batch_stay(features: VggFeatures) -> None:
    loss = PerceptualLoss(features)
    loss(images(), images())
    weights = loss.layer_weights.clone()
    a, b = images(), 0.3 * images()
    torch.testing.assert_close(loss(a, b), (weights * distances(features, a, b)).sum())
    assert torch.equal(loss.layer_weights, weights)


def test_equal_images_have_no_loss_and_set_no_weights(features: VggFeatures) -> None:
    a, b = images(), images()
    loss = PerceptualLoss(features)
    assert loss(a, a).item() == 0
    assert loss.layer_weights.isnan().all()
    assert loss(a, b).item() == pytest.approx(1.0, abs=1e-5)
    assert loss(a, a).item() == 0


def test_a_loss_that_is_not_a_number_is_not_hidden(features: VggFeatures) -> None:
    loss = PerceptualLoss(features)
    assert not loss(images() * torch.nan, images()).isfinite()
    assert loss.layer_weights.isnan().all()


def test_the_scale_of_the_weights_does_not_matter(features: VggFeatures) -> None:
    scaled = copy.deepcopy(features)
    scaled.get_buffer("conv1_1_weight").mul_(64.0)
    losses = PerceptualLoss(features), PerceptualLoss(scaled)
    for a, b in ((images(), images()), (images(), 0.5 * images())):
        mine, theirs = (loss(a, b) for loss in losses)
        torch.testing.assert_close(mine, theirs)
    assert losses[0].layer_weights[0] == pytest.approx(64.0 * losses[1].layer_weights[0])


def test_a_checkpoint_needs_only_the_weights_of_the_layers(features: VggFeatures) -> None:
    loss, other = PerceptualLoss(features), PerceptualLoss(features)
    loss(images(), images())
    state = copy.deepcopy(loss.state_dict())
    assert list(state) == ["layer_weights"]
    a, b = images(), 0.1 * images()
    other.load_state_dict(state)
    assert torch.equal(other(a, b), loss(a, b))
    assert PerceptualLoss(features)(a, b) != loss(a, b)


def test_the_gradient_is_that_of_finite_differences(features: VggFeatures) -> None:
    exact = copy.deepcopy(features).double()
    loss = PerceptualLoss(exact).double()
    a, b, direction = (images(16).double() for _ in range(3))
    loss(a, b)
    a.requires_grad_()
    loss(a, b).backward()
    assert a.grad is not None
    slope = (a.grad * direction).sum().item()
    step = 1e-7
    with torch.no_grad():
        rise = (loss(a + step * direction, b) - loss(a - step * direction, b)).item()
    assert slope == pytest.approx(rise / (2 * step), rel=1e-4)


def test_the_gradient_goes_to_the_synthesized_image_only(features: VggFeatures) -> None:
    a, b = images().requires_grad_(), images().requires_grad_()
    PerceptualLoss(features)(a, b).backward()
    assert a.grad is not None
    assert a.grad.abs().sum() > 0
    assert b.grad is None


def test_a_crop_is_a_square_of_both_images_and_follows_from_the_seed(features: VggFeatures) -> None:
    loss = PerceptualLoss(features, crop=16)
    a, b = images().requires_grad_(), images()
    gradients = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        gradients.append(torch.autograd.grad(loss(a, b), a)[0])
    assert torch.equal(gradients[0], gradients[1])
    touched = [gradient.abs().sum(dim=(0, 1)) > 0 for gradient in gradients]
    assert not torch.equal(touched[0], touched[2])
    for mask in touched:
        assert mask.any(dim=1).sum() == mask.any(dim=0).sum() == 16
    assert loss(a, a).item() == 0


def test_crops_reach_every_corner(features: VggFeatures) -> None:
    loss = PerceptualLoss(features, crop=16)
    a = images(17).requires_grad_()
    touched = torch.zeros(17, 17)
    for _ in range(16):
        touched += torch.autograd.grad(loss(a, -a.detach()), a)[0].abs().sum(dim=(0, 1))
    assert (touched[[0, 0, -1, -1], [0, -1, 0, -1]] > 0).all()


def test_in_evaluation_the_whole_image_counts_and_no_random_number_is_drawn(features: VggFeatures) -> None:
    a, b = images(), images()
    cropped, whole = PerceptualLoss(features, crop=16).eval(), PerceptualLoss(features)
    state = torch.get_rng_state()
    assert torch.equal(cropped(a, b), whole(a, b))
    assert torch.equal(cropped.layer_weights, whole.layer_weights)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_crop_that_cannot_be_is_one_sentence(features: VggFeatures) -> None:
    with pytest.raises(MR2XRayError, match=r"crop of 8 pixels; give at least 16\."):
        PerceptualLoss(features, crop=8)
    with pytest.raises(MR2XRayError, match=r"crop of 64 pixels of images of 32 x 32; give a smaller crop\."):
        PerceptualLoss(features, crop=64)(images(), images())


def test_bfloat16_features_give_nearly_the_same_loss_in_float32(features: VggFeatures) -> None:
    a, b = images(), images()
    loss = PerceptualLoss(features)
    loss(a, b)
    with torch.autocast("cpu", torch.bfloat16):
        rough = loss(a, b)
    assert rough.dtype == torch.float32
    assert rough.item() == pytest.approx(1.0, rel=0.02)


def test_ranks_share_the_mean_of_their_distances(
    features: VggFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = images(), images()
    alone = PerceptualLoss(features)
    alone(a, b)

    def add_a_rank_three_times_as_far_off(tensor: Tensor) -> None:
        tensor *= 4

    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(distributed, "all_reduce", add_a_rank_three_times_as_far_off)
    one_of_two = PerceptualLoss(features)
    assert one_of_two(a, b).item() == pytest.approx(0.5, abs=1e-5)
    torch.testing.assert_close(one_of_two.layer_weights, alone.layer_weights / 2)
