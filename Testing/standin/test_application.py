"""slicer.app, the scene at start, files, packages and sample data."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import numpy as np
import pytest
import slicer
from slicerstandin import Program, start


def test_the_scene_holds_what_the_program_puts_there(program: Program) -> None:
    ids = {program.scene.GetNthNode(index).GetID() for index in range(program.scene.GetNumberOfNodes())}
    assert {
        "vtkMRMLSelectionNodeSingleton",
        "vtkMRMLInteractionNodeSingleton",
        "vtkMRMLCrosshairNodedefault",
        "vtkMRMLLayoutNodevtkMRMLLayoutNode",
        "vtkMRMLSliceNodeRed",
        "vtkMRMLViewNode1",
        "vtkMRMLColorTableNodeGrey",
    } <= ids


def test_the_layout_manager_gives_views_by_name(program: Program) -> None:
    manager = slicer.app.layoutManager()
    red = manager.sliceWidget("Red")
    assert red.sliceLogic().GetSliceNode() is red.mrmlSliceNode()
    assert red.sliceView().mrmlSliceNode().GetLayoutName() == "Red"
    assert red.sliceController().mrmlSliceCompositeNode().IsA("vtkMRMLSliceCompositeNode")
    red.sliceView().cornerAnnotation().SetText(3, "LAO 30")
    assert manager.sliceWidget("Blue") is None
    assert manager.threeDWidget(0).threeDView().cameraNode().GetCamera() is not None
    assert manager.threeDWidget(1) is None


def test_an_own_layout_makes_its_views_and_goes_again(program: Program) -> None:
    manager, numbers = slicer.app.layoutManager(), []
    manager.layoutChanged.connect(numbers.append)
    before = manager.layout
    view = '<view class="vtkMRMLSliceNode" singletontag="MR2XRayMR"/>'
    description = f'<layout type="horizontal"><item>{view}</item></layout>'
    manager.layoutLogic().GetLayoutNode().AddLayoutDescription(5013, description)
    manager.setLayout(5013)
    assert manager.sliceWidget("MR2XRayMR") is not None
    manager.layout = before
    assert numbers == [5013, before]


def test_a_module_can_be_absent() -> None:
    with start(without=("VolumeRendering",)):
        assert not hasattr(slicer.modules, "volumerendering")
    with start():
        assert slicer.modules.volumerendering.logic().IsA("vtkSlicerVolumeRenderingLogic")
        assert slicer.util.getModuleLogic("Volumes").IsA("vtkSlicerVolumesLogic")


def test_without_a_main_window_messages_are_only_logged(caplog) -> None:
    with start(main_window=False) as program:
        slicer.util.errorDisplay("broken")
        assert not slicer.util.showStatusMessage("hello")
        assert not program.dialogs.seen
    assert "broken" in caplog.text


def test_confirmation_is_answered_by_the_test(program: Program) -> None:
    program.dialogs.answer("messageBox", "Yes", "Sure?")
    program.dialogs.answer("messageBox", "Cancel", "Really?")
    assert slicer.util.confirmYesNoDisplay("Sure?")
    assert not slicer.util.confirmOkCancelDisplay("Really?")
    assert slicer.util.showStatusMessage("hello")


def test_a_data_node_gets_an_item_in_the_subject_hierarchy(program: Program) -> None:
    volume = program.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "T1")
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(program.scene)
    assert hierarchy.GetItemName(hierarchy.GetItemByDataNode(volume)) == "T1"


def test_files_are_written_and_read(program: Program, tmp_path: Path) -> None:
    node = slicer.util.addVolumeFromArray(np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    assert slicer.util.saveNode(node, str(tmp_path / "v.nrrd"))
    back = slicer.util.loadVolume(str(tmp_path / "v.nrrd"))
    assert np.array_equal(slicer.util.arrayFromVolume(back), slicer.util.arrayFromVolume(node))


def test_a_packed_scene_is_written_and_read(program: Program, tmp_path: Path) -> None:
    node = slicer.util.addVolumeFromArray(np.ones((2, 3, 4), np.float32), name="T1")
    node.SetAttribute("MR2XRay.Role", "mr")
    slicer.util.saveScene(str(tmp_path / "s.mrb"))
    program.close_scene()
    assert slicer.util.getNodes("T1") == {}
    slicer.util.loadScene(str(tmp_path / "s.mrb"))
    assert slicer.util.getNode("T1").GetAttribute("MR2XRay.Role") == "mr"


def test_packages_are_installed_after_asking(program: Program, tmp_path: Path) -> None:
    import slicer.packaging

    (tmp_path / "requirements.txt").write_text("numpy>=1.0\nnumba>=0.1  # fast\n")
    wanted = slicer.packaging.load_requirements(tmp_path / "requirements.txt")
    slicer.packaging.pip_ensure(wanted, requester="MR2XRay")
    program.packages.missing = {"numba"}
    program.dialogs.answer("messageBox", "Cancel", "1 Python package")
    with pytest.raises(RuntimeError, match="declined"):
        slicer.packaging.pip_ensure(wanted, requester="MR2XRay")
    program.dialogs.answer("messageBox", "OK")
    slicer.packaging.pip_ensure(wanted, requester="MR2XRay")
    assert program.packages.install_requests == [["numba>=0.1"]]
    assert slicer.packaging.pip_check(wanted)


def test_an_install_can_fail(program: Program) -> None:
    import slicer.packaging

    program.packages.missing, program.packages.can_install = {"numba"}, False
    with pytest.raises(subprocess.CalledProcessError):
        slicer.packaging.pip_ensure("numba", prompt_install=False)


def test_torch_may_be_declined(program: Program) -> None:
    import PyTorchUtils

    program.packages.missing = {"torch"}
    program.dialogs.answer("messageBox", "Cancel", "PyTorch")
    assert PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=True) is None
    assert not PyTorchUtils.PyTorchUtilsLogic.torchInstalled()


def test_sample_data_are_checked_when_registered_and_when_loaded(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import SampleData

    register = SampleData.SampleDataLogic.registerCustomSampleDataSource
    node = slicer.util.addVolumeFromArray(np.ones((2, 3, 4), np.float32))
    slicer.util.saveNode(node, str(tmp_path / "v.nrrd"))
    digest = hashlib.sha256((tmp_path / "v.nrrd").read_bytes()).hexdigest()
    with pytest.raises(ValueError, match="checksum"):
        register(sampleName="bad", uris="u", fileNames="v.nrrd", checksums="abc")
    with pytest.raises(ValueError, match="length"):
        register(sampleName="bad", uris=["u", "w"], fileNames=["v.nrrd"], nodeNames=["V", "W"])
    register(sampleName="V", uris="u", fileNames="v.nrrd", nodeNames="V", checksums=f"SHA256:{digest}")
    register(sampleName="W", uris="u", fileNames="v.nrrd", nodeNames="W", checksums=f"SHA256:{'0' * 64}")
    assert SampleData.downloadSamples("V") == []
    with pytest.raises(IndexError):
        SampleData.downloadSample("V")
    monkeypatch.setitem(SampleData.FILES, "u", str(tmp_path / "v.nrrd"))
    assert SampleData.downloadSample("V").GetName() == "V"
    assert SampleData.downloadSamples("W") == []
    assert SampleData.downloadSamples("unknown") == []


def test_sample_data_of_which_a_part_is_offline_are_fewer(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import SampleData

    slicer.util.saveNode(
        slicer.util.addVolumeFromArray(np.ones((2, 3, 4), np.float32)), str(tmp_path / "v.nrrd")
    )
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        sampleName="two", uris=["u", "w"], fileNames=["v.nrrd", "w.nrrd"], nodeNames=["V", "W"]
    )
    monkeypatch.setitem(SampleData.FILES, "w", str(tmp_path / "v.nrrd"))
    assert [node.GetName() for node in SampleData.downloadSamples("two")] == ["W"]


def test_a_loaded_volume_goes_into_the_slice_views_that_take_one(program: Program, tmp_path: Path) -> None:
    slicer.util.saveNode(
        slicer.util.addVolumeFromArray(np.ones((2, 3, 4), np.float32)), str(tmp_path / "v.nrrd")
    )
    red, green = (
        slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode() for name in ("Red", "Green")
    )
    green.SetDoPropagateVolumeSelection(False)
    loaded = slicer.util.loadVolume(str(tmp_path / "v.nrrd"))
    assert (red.GetBackgroundVolumeID(), green.GetBackgroundVolumeID()) == (loaded.GetID(), None)
    slicer.util.loadVolume(str(tmp_path / "v.nrrd"), {"show": False})
    assert red.GetBackgroundVolumeID() == loaded.GetID()


def test_an_exception_in_an_observer_is_a_fault(program: Program) -> None:
    program.scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, lambda *_: 1 / 0)
    program.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    assert "ZeroDivisionError" in program.faults[0].text
    program.faults.clear()


def test_text_to_translate_must_be_text(program: Program) -> None:
    from slicer.i18n import tr

    assert tr("Go {n}").format(n=3) == "Go 3"
    with pytest.raises(TypeError):
        tr(None)
