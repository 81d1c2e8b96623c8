"""The snippets of the README for Slicer's Python console, on the stand-in."""

from __future__ import annotations

import re

import pytest
from places import MODULE, REPOSITORY
from slicerstandin import start

from MR2XRayLib.demo import demo_pair


@pytest.fixture(scope="module")
def snippets() -> list[str]:
    """Those that use the module's logic, in their order."""
    found = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)
    return [snippet for snippet in found if "logic" in snippet]


def test_the_snippets_run_one_after_the_other(snippets, capsys) -> None:
    import slicer

    from MR2XRayScene.volumes import node_from_volume

    pair = demo_pair(4.0)
    with start() as program:
        program.load_module(MODULE / "MR2XRay.py")
        node_from_volume(program.scene, pair.mr, "MR")
        node_from_volume(program.scene, pair.ct, "CT")
        names = {"slicer": slicer}
        for snippet in snippets:
            exec(compile(snippet, "README.md", "exec"), names)
        assert names["nodes"].metrics.GetNumberOfRows() == 3
        assert names["synthesized"].GetImageData().GetDimensions()[2] == 5
    assert "(2, 256, 256)" in capsys.readouterr().out
