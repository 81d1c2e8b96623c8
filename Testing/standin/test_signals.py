"""Signals and slots as PythonQt has them."""

from __future__ import annotations

import ctk
import pytest
import qt
from slicerstandin import Program


@pytest.fixture
def button(program: Program):
    """A checkable push button."""
    made = qt.QPushButton("Go")
    made.checkable = True
    return made


def test_both_ways_to_connect_work_and_say_so(button) -> None:
    called: list[str] = []
    assert button.connect("clicked(bool)", lambda checked: called.append("text")) is True
    assert button.clicked.connect(lambda: called.append("name")) is True
    button.click()
    assert called == ["text", "name"]


def test_an_unknown_signal_gives_false(program: Program, button) -> None:
    assert button.connect("pushed()", print) is False
    program.faults.clear()


def test_surplus_arguments_are_dropped(button) -> None:
    called: list[int] = []
    button.connect("clicked(bool)", lambda: called.append(1))
    button.click()
    assert called == [1]


def test_a_default_argument_receives_what_the_signal_gives(button) -> None:
    called: list[object] = []
    button.connect("clicked(bool)", lambda checked=None: called.append(checked))
    button.connect("clicked()", lambda checked=None: called.append(checked))
    button.click()
    assert called == [True, None]


def test_a_function_that_needs_an_argument_is_not_called_by_a_signal_without(
    program: Program, button, capsys
) -> None:
    called: list[object] = []
    button.connect("clicked()", lambda checked: called.append(checked))
    button.click()
    assert "TypeError" in capsys.readouterr().err
    assert called == []
    program.faults.clear()


def test_connecting_twice_calls_twice_and_disconnect_undoes_one(button) -> None:
    called: list[int] = []

    def slot() -> None:
        called.append(1)

    for _ in range(2):
        button.connect("clicked()", slot)
    button.click()
    assert called == [1, 1]
    assert button.disconnect("clicked()", slot) is True
    button.click()
    assert called == [1, 1, 1]


def test_an_exception_in_a_slot_is_printed_and_the_program_goes_on(program: Program, button, capsys) -> None:
    button.clicked.connect(lambda: 1 / 0)
    button.click()
    assert "ZeroDivisionError" in capsys.readouterr().err
    program.faults.clear()


def test_blocked_signals_are_not_sent(program: Program) -> None:
    slider, called = ctk.ctkSliderWidget(), []
    slider.valueChanged.connect(called.append)
    before = slider.blockSignals(True)
    slider.value = 5
    slider.blockSignals(before)
    slider.value = 6
    assert called == [6.0]


def test_a_signal_can_be_emitted_by_calling_it(button) -> None:
    called: list[bool] = []
    button.toggled.connect(called.append)
    button.toggled(True)
    button.toggled.emit(False)
    assert called == [True, False]


def test_a_timer_shoots_once_by_its_static_function_and_by_its_setter(program: Program) -> None:
    shots: list[str] = []
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.timeout.connect(lambda: shots.append("setter"))
    timer.start(1)
    qt.QTimer.singleShot(1, lambda: shots.append("static"))
    program.wait_until(lambda: len(shots) == 2)
    assert sorted(shots) == ["setter", "static"]


def test_the_static_function_hides_the_timers_property(program: Program) -> None:
    with pytest.raises(AttributeError, match="overwritten"):
        qt.QTimer().singleShot = True


def test_a_slider_without_tracking_says_its_value_when_it_is_let_go(program: Program) -> None:
    slider, changed, changing = ctk.ctkSliderWidget(), [], []
    slider.tracking = False
    slider.valueChanged.connect(changed.append)
    slider.valueIsChanging.connect(changing.append)
    inner = slider.findChild("ctkDoubleSlider")
    inner.sliderPressed()
    inner.value = 4
    inner.value = 7
    assert (changed, changing, slider.value) == ([], [4.0, 7.0], 0.0)
    inner.sliderReleased()
    assert (changed, slider.value) == ([7.0], 7.0)


def test_setting_the_same_value_again_says_nothing(program: Program) -> None:
    slider, called = ctk.ctkSliderWidget(), []
    slider.value = 5
    slider.valueChanged.connect(called.append)
    slider.value = 5
    assert called == []


def test_a_collapsible_button_opens_and_hides_its_children(program: Program) -> None:
    section, called = ctk.ctkCollapsibleButton(), []
    label = qt.QLabel("x", section)
    section.show()
    section.connect("contentsCollapsed(bool)", called.append)
    section.collapsed = True
    assert (section.checked, label.isHidden(), called) == (False, True, [True])
    section.checked = True
    assert (section.collapsed, label.isHidden()) == (False, False)
