"""How varied simulated heads are, beyond contrast, texture, pose and air cells: `Variety`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variety:
    """What may be changed in a label anatomy before it is painted; the default changes nothing.

    Attributes:
        deformation_mm: lowest and highest bound on the elastic displacement along an axis.
        control_mm: lowest and highest distance of the deformation's control points: how smooth it is. Its lowest
            must exceed 2.5 times the highest `deformation_mm`, so that no deformation folds.
        size: largest relative change of size along each axis, besides the pose's.
        lower_head: how often jaws, teeth, neck and cervical spine are added below the volume, probability.
        lower_head_mm: lowest and highest length of what is added: where the field of view ends.
        cut: how often the volume ends higher than the label volume, by up to `cut_mm`, probability.
        cut_mm: the most that is cut off at the lower end.
        denser_bone: the most by which CT numbers of bone and marrow exceed those of `TISSUES`, relative.
        sinuses: how often more of nose, paranasal sinuses and mastoid cells is drawn, probability.
        skull: how often the skull gets another thickness and another diploe, probability.
        implants: how often there is a plate, screw, clip or shunt, probability.
        fillings: how often the teeth of a lower head have fillings, probability.
    """

    deformation_mm: tuple[float, float] = (0.0, 0.0)
    control_mm: tuple[float, float] = (30.0, 60.0)
    size: float = 0.0
    lower_head: float = 0.0
    lower_head_mm: tuple[float, float] = (25.0, 105.0)
    cut: float = 0.0
    cut_mm: float = 35.0
    denser_bone: float = 0.0
    sinuses: float = 0.0
    skull: float = 0.0
    implants: float = 0.0
    fillings: float = 0.0


TRAINING_VARIETY = Variety(
    deformation_mm=(2.0, 10.0),
    size=0.06,
    lower_head=0.6,
    cut=0.15,
    denser_bone=0.4,
    sinuses=0.7,
    skull=0.7,
    implants=0.1,
    fillings=0.5,
)
"""What generators are trained with."""
