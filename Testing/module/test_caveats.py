"""The panel tells why the images that it shows, or their numbers, deserve less trust than others."""

from __future__ import annotations

from typing import Any

from waiting import settle


def told(program: Any) -> str:
    """What stands beside the generator once the images at the present angles are shown."""
    program.click("updateButton")
    settle(program)
    label = program.find("generatorNote")
    assert label.visible == bool(label.text)
    return label.text


def test_a_reference_at_another_energy_is_told_with_its_images(program: Any) -> None:
    assert told(program) == ""
    program.logic.getParameterNode().energyKev = 100.0
    settle(program)
    assert "The reference is at 100 keV" in told(program)
    program.logic.getParameterNode().energyKev = 60.0
    settle(program)
    assert told(program) == ""


def test_an_angle_that_the_generator_was_not_trained_for_is_told_with_its_image(program: Any) -> None:
    program.logic.getParameterNode().carm.secondaryDeg = 45.0
    assert "CRA 45°" in told(program)
    program.logic.getParameterNode().carm.secondaryDeg = 0.0
    assert told(program) == ""
