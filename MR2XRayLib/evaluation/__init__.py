"""How good generators are on heads they never saw, beside baselines: cases, numbers, curves, the report.

`evaluate` measures, `write_report` writes; `docs/evaluation.md` says what each number and picture means.
"""

from MR2XRayLib.evaluation.anatomies import HELD_OUT, VALIDATION, AnatomyFiles
from MR2XRayLib.evaluation.cases import BaselineData, Case, CaseGroup, CaseSettings
from MR2XRayLib.evaluation.for_cards import evaluate_on_held_out_heads, evaluate_on_views
from MR2XRayLib.evaluation.groups import (
    digital_heads,
    registered,
    unseen_simulated_heads,
    validation_heads,
    views_of_pair,
)
from MR2XRayLib.evaluation.report import write_report
from MR2XRayLib.evaluation.results import REPORTED, Evaluation
from MR2XRayLib.evaluation.run import evaluate

__all__ = [
    "HELD_OUT",
    "REPORTED",
    "VALIDATION",
    "AnatomyFiles",
    "BaselineData",
    "Case",
    "CaseGroup",
    "CaseSettings",
    "Evaluation",
    "digital_heads",
    "evaluate",
    "evaluate_on_held_out_heads",
    "evaluate_on_views",
    "registered",
    "unseen_simulated_heads",
    "validation_heads",
    "views_of_pair",
    "write_report",
]
