"""The words at the edge of the slice views, beside Slicer's Data Probe, which writes into the corners."""

from __future__ import annotations

import pytest
import slicer
import vtk

from MR2XRayGUI.corner_text import CornerText


class SliceView:
    """What of Slicer's slice view is used here (qMRMLSliceView, ctkVTKAbstractView)."""

    def __init__(self) -> None:
        self._annotation = vtk.vtkCornerAnnotation()
        self.renders = 0

    def cornerAnnotation(self) -> vtk.vtkCornerAnnotation:
        return self._annotation

    def scheduleRender(self) -> None:
        self.renders += 1

    def sliceView(self) -> SliceView:
        return self

    def words(self) -> list[str]:
        """All eight texts, the empty ones as ""."""
        return [self._annotation.GetText(place) or "" for place in range(8)]


class Application:
    """`slicer.app` with a layout of named slice views; without views it has no main window."""

    def __init__(self, *names: str) -> None:
        self.views = {name: SliceView() for name in names}

    def layoutManager(self) -> Application | None:
        return self if self.views else None

    def sliceWidget(self, name: str) -> SliceView | None:
        return self.views.get(name)


def data_probe_writes(view: SliceView) -> None:
    """What `SliceAnnotations.drawCornerAnnotations` does: all four corners, empty or not."""
    for corner, text in enumerate(("B: MR projection\n", "", "", "")):
        view.cornerAnnotation().SetText(corner, text)


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch) -> dict[str, SliceView]:
    application = Application("MR2XRayMR", "MR2XRaySynthesized")
    monkeypatch.setattr(slicer, "app", application, raising=False)
    return application.views


def test_the_words_stay_when_the_data_probe_writes_anew(views: dict[str, SliceView]) -> None:
    CornerText().show({"MR2XRayMR": "MR projection: LAO 30°, CRA 10°"})
    data_probe_writes(views["MR2XRayMR"])
    assert sorted(filter(None, views["MR2XRayMR"].words())) == [
        "B: MR projection\n",
        "MR projection: LAO 30°, CRA 10°",
    ]


def test_new_words_take_the_place_of_the_old_in_every_view(views: dict[str, SliceView]) -> None:
    text = CornerText()
    text.show({"MR2XRayMR": "PA", "MR2XRaySynthesized": "PA"})
    text.show({"MR2XRaySynthesized": "LAO 1°"})
    assert set(views["MR2XRayMR"].words()) == {""}
    assert set(views["MR2XRaySynthesized"].words()) == {"", "LAO 1°"}


def test_a_view_is_drawn_anew_only_when_its_words_change(views: dict[str, SliceView]) -> None:
    text = CornerText()
    text.show({"MR2XRayMR": "PA"})
    text.show({"MR2XRayMR": "PA"})
    assert views["MR2XRayMR"].renders == 1


def test_hiding_leaves_nothing_of_ours_and_what_others_wrote(views: dict[str, SliceView]) -> None:
    text = CornerText()
    text.show({"MR2XRayMR": "PA"})
    data_probe_writes(views["MR2XRayMR"])
    text.hide()
    assert list(filter(None, views["MR2XRayMR"].words())) == ["B: MR projection\n"]


def test_views_that_do_not_exist_are_passed_over(views: dict[str, SliceView]) -> None:
    CornerText().show({"Nowhere": "PA", "MR2XRayMR": "PA"})
    assert "PA" in views["MR2XRayMR"].words()


def test_without_a_main_window_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slicer, "app", Application(), raising=False)
    text = CornerText()
    text.show({"MR2XRayMR": "PA"})
    assert not text._shown
    text.hide()
    assert not text._shown
