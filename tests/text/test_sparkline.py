from cio_mcp.text.sparkline import sparkline


def test_bars_rise_from_zero_to_the_highest() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"


def test_a_series_of_nothing_is_flat() -> None:
    assert sparkline([0, 0, 0]) == "▁▁▁"


def test_a_steady_series_is_not_drawn_as_nothing() -> None:
    assert sparkline([5, 5]) == "██"


def test_an_unknown_value_is_a_gap() -> None:
    assert sparkline([1, None, float("nan"), 1]) == "█  █"


def test_values_below_zero_start_lower() -> None:
    assert sparkline([-1, 0, 1]) == "▁▅█"


def test_a_long_series_keeps_its_width_and_shape() -> None:
    line = sparkline([float(step) for step in range(121)])
    assert len(line) == 60
    assert line[0] == "▁"
    assert line[-1] == "█"


def test_an_empty_series_has_no_bars() -> None:
    assert sparkline([]) == ""
