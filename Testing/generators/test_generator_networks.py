"""The three networks: sizes, widths, dropout and the path that carries amplitude."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_generators import TINY_OPTIONS, randomised, tiny
from torch import nn

from MR2XRayLib.errors import MR2XRayError
from MR2XRayLib.generators.base import parameter_count
from MR2XRayLib.generators.build import ARCHITECTURES, build, with_further_channels

every_architecture = pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))


@pytest.mark.parametrize(("architecture", "millions"), [("unet", 54), ("resnet", 11), ("crn", 98)])
def test_paper_width_has_the_parameters_of_the_literature(architecture: str, millions: float) -> None:
    with torch.device("meta"):
        generator = build(architecture, "paper")
    assert parameter_count(generator) / 1e6 == pytest.approx(millions, rel=0.05)


@every_architecture
def test_compact_width_has_at_most_five_million_parameters(architecture: str) -> None:
    assert parameter_count(build(architecture, "compact")) <= 5e6


@every_architecture
def test_further_channels_count_nothing_until_they_are_trained(architecture: str) -> None:
    """A network that starts from one with fewer channels gives what that one gave, whatever the new ones show."""
    known, more = tiny(architecture, 2).eval(), tiny(architecture, 3).eval()
    more.load_state_dict(with_further_channels(known.state_dict(), more))
    image, new = torch.rand(1, 2, 32, 32), torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(more(torch.cat([image, new], dim=1)), known(image), rtol=1e-4, atol=1e-5)


@every_architecture
@settings(max_examples=8, deadline=None)
@given(batch=st.integers(1, 2), high=st.integers(1, 4), wide=st.integers(1, 4), upsampling=st.integers(0, 1))
def test_any_multiple_goes_through_in_training_and_evaluation(
    architecture: str, batch: int, high: int, wide: int, upsampling: int
) -> None:
    options = {} if architecture == "crn" else {"upsampling": ("resize", "transposed")[upsampling]}
    generator = tiny(architecture, **options)
    shape = (batch, 1, high * generator.multiple, wide * generator.multiple)
    for mode in (True, False):
        output = generator.train(mode)(torch.randn(shape))
        assert output.shape == shape
        assert output.isfinite().all()


@every_architecture
def test_the_image_is_not_rounded_where_the_features_are_bfloat16(architecture: str) -> None:
    """Rounded to bfloat16 an image has noise in its finest detail that no training can take away."""
    image = torch.rand(1, 1, 128, 128)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        untrained = build(architecture, "compact").eval()(image)
        trained = tiny(architecture).eval()(image)
    # An untrained generator is its linear path, which passes the image on.
    assert torch.equal(untrained, image)
    assert (trained != trained.bfloat16()).float().mean() > 0.9


@every_architecture
def test_two_contrasts_make_one_image(architecture: str) -> None:
    generator = randomised(build(architecture, "compact", 2)).eval()
    with torch.inference_mode():
        assert generator(torch.randn(1, 2, 128, 128)).shape == (1, 1, 128, 128)


@every_architecture
def test_gradients_reach_the_input_and_every_parameter(architecture: str) -> None:
    generator = tiny(architecture)
    image = torch.randn(1, 1, 32, 32, requires_grad=True)
    generator(image).square().sum().backward()
    assert image.grad is not None
    assert (image.grad != 0).all()
    assert [name for name, p in generator.named_parameters() if p.grad is None or not p.grad.any()] == []


@every_architecture
def test_untrained_generator_is_the_mean_of_its_inputs(architecture: str) -> None:
    image = torch.randn(1, 2, 32, 32)
    output = build(architecture, "compact", 2, **TINY_OPTIONS[architecture])(image)
    torch.testing.assert_close(output, image.mean(dim=1, keepdim=True))


@every_architecture
def test_batch_size_does_not_change_an_image(architecture: str) -> None:
    generator = tiny(architecture).eval()
    images = torch.randn(3, 1, 32, 32)
    torch.testing.assert_close(generator(images)[1:2], generator(images[1:2]), rtol=1e-4, atol=1e-5)


def test_normalisation_discards_amplitude_and_the_linear_path_carries_it() -> None:
    image = torch.randn(1, 1, 32, 32)
    stronger = 1.7 * image + 0.3
    without = tiny("resnet", linear_path=False).eval()
    torch.testing.assert_close(without(stronger), without(image), rtol=1e-3, atol=1e-3)
    generator = tiny("resnet").eval()
    torch.testing.assert_close(generator(stronger) - generator(image), stronger - image, rtol=1e-3, atol=1e-3)


@every_architecture
def test_output_is_not_bounded(architecture: str) -> None:
    generator = tiny(architecture).eval()
    assert generator(torch.full((1, 1, 32, 32), 3.0)).max() > 1.5


def test_dropout_stands_in_the_first_three_synthesis_layers_only() -> None:
    for width in ("compact", "paper"):
        with torch.device("meta"):
            unet = build("unet", width)
        drops = {name: m.p for name, m in unet.named_modules() if isinstance(m, nn.Dropout)}
        assert {name.rsplit(".", 1)[0]: p for name, p in drops.items()} == {
            "synthesis.0": 0.5,
            "synthesis.1": 0.5,
            "synthesis.2": 0.5,
        }


def test_dropout_works_while_training_and_not_in_evaluation() -> None:
    unet, image = tiny("unet"), torch.randn(1, 1, 32, 32)
    assert not torch.equal(unet(image), unet(image))
    unet.eval()
    assert torch.equal(unet(image), unet(image))


def test_unet_of_the_paper_ends_in_one_pixel_at_256() -> None:
    with torch.device("meta"):
        unet = build("unet", "paper")
        coarsest = torch.empty(1, 1, 256, 256)
        for layer in unet.analysis:  # type: ignore[union-attr]
            coarsest = layer(coarsest)
    assert coarsest.shape == (1, 512, 1, 1)


def test_crn_has_eight_modules_from_4_to_512() -> None:
    with torch.device("meta"):
        crn = build("crn", "paper")
        sides = [
            crn.reduced(torch.empty(1, 1, 512, 512), level).shape[-1] for level in range(len(crn.refine))
        ]
    assert sides == [512, 256, 128, 64, 32, 16, 8, 4]


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (("gan",), {}, "unet, resnet, crn"),
        (("unet", "wide"), {}, "compact, paper"),
        (("unet",), {"depth": 3}, "widths, upsampling, dropout, linear_path"),
        (("unet",), {"widths": (8, 0)}, "widths"),
        (("unet",), {"widths": (8, True)}, "widths"),
        (("unet",), {"widths": (2048,) * 10}, "too large"),
        (("unet",), {"dropout": 1.0}, "dropout"),
        (("unet",), {"upsampling": "magic"}, "upsampling"),
        (("resnet",), {"blocks": 10**9}, "blocks"),
        (("crn", "compact", 0), {}, "in_channels"),
    ],
)
def test_senseless_requests_are_refused(arguments: tuple, options: dict, words: str) -> None:
    with pytest.raises(MR2XRayError, match=words):
        build(*arguments, **options)
