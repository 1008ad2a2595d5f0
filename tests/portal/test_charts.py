from datetime import date
from decimal import Decimal

import pytest
from django.template.loader import render_to_string

from earn.portal.charts import HEIGHT, WIDTH, Chart, Series, X, chart

FIRST, SECOND, FIFTH = date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 5)


def drawn(*series: Series, from_zero: bool = True) -> Chart:
    found = chart(
        series, summary="All of it", value_words=str, x_words=str, from_zero=from_zero
    )
    assert found
    return found


def line(*points: tuple[X, str | None], shape: str = "LINE") -> Series:
    values = [(x, None if value is None else Decimal(value)) for x, value in points]
    return Series("Value", values, shape)


def test_the_box_reaches_from_zero_to_a_round_figure_above_the_highest() -> None:
    found = drawn(line((FIRST, "5"), (FIFTH, "7.3")))
    assert [words for _, words in found.grid] == ["8", "6", "4", "2", "0"]
    assert [y for y, _ in found.grid] == [0, 75, 150, 225, HEIGHT]


def test_a_line_goes_through_its_points_and_its_area_to_the_foot() -> None:
    (path,) = drawn(line((FIRST, "0"), (SECOND, "8"), (FIFTH, "4"))).paths
    assert path.line == f"M0 {HEIGHT} L250 0 L{WIDTH} 150"
    assert path.area == f"{path.line} V{HEIGHT} H0 Z"


def test_a_step_holds_its_value_until_the_next_point() -> None:
    (path,) = drawn(line((FIRST, "8"), (SECOND, "4"), (FIFTH, "2"), shape="STEP")).paths
    assert path.line == f"M0 0 L250 0 L250 150 L{WIDTH} 150 L{WIDTH} 225 L{WIDTH} 225"


def test_nothing_is_drawn_where_nothing_is_known() -> None:
    (path,) = drawn(line((FIRST, "8"), (SECOND, None), (FIFTH, "8"))).paths
    assert path.line == f"M0 0 M{WIDTH} 0"


def test_bars_stand_on_zero_and_inside_of_the_box() -> None:
    (path,) = drawn(line((FIRST, "8"), (SECOND, "0"), (FIFTH, "4"), shape="BARS")).paths
    assert (
        path.line == f"M0 {HEIGHT} V0 h222 V{HEIGHT} Z M778 {HEIGHT} V150 h222 V{HEIGHT} Z"
    )


def test_figures_with_many_decimals_stay_exact() -> None:
    found = drawn(line((FIRST, "0.000000000000000001"), (FIFTH, "0.000000000000000002")))
    assert found.grid[0] == (0, "2.0E-18")
    assert found.paths[0].line == f"M0 150 L{WIDTH} 0"


def test_a_chart_need_not_begin_at_zero() -> None:
    found = drawn(line((FIRST, "100"), (FIFTH, "104")), from_zero=False)
    assert [words for _, words in found.grid] == ["104", "103", "102", "101", "100"]


def test_what_never_changes_has_a_chart_all_the_same() -> None:
    assert (
        drawn(line((FIRST, "0"), (FIFTH, "0"))).paths[0].line
        == f"M0 {HEIGHT} L{WIDTH} {HEIGHT}"
    )
    found = drawn(line((FIRST, "7"), (FIFTH, "7")), from_zero=False)
    assert found.paths[0].line.startswith("M0 ")


@pytest.mark.parametrize(
    "points", [[], [(FIRST, Decimal(1))], [(FIRST, None), (FIFTH, None)]]
)
def test_without_two_places_and_a_value_there_is_no_chart(
    points: list[tuple[X, Decimal | None]],
) -> None:
    one = Series("Value", points)
    assert chart([one], summary="", value_words=str, x_words=str) is None


def test_days_are_labelled_in_even_steps_from_first_to_last() -> None:
    found = drawn(line((FIRST, "1"), (date(2026, 1, 10), "2")))
    days = ["2026-01-01", "2026-01-03", "2026-01-05", "2026-01-07", "2026-01-10"]
    assert found.ticks == days
    assert drawn(line((FIRST, "1"), (SECOND, "2"))).ticks == ["2026-01-01", "2026-01-02"]
    amounts = drawn(line((Decimal(0), "1"), (Decimal(800), "2")))
    assert amounts.ticks == ["0", "200", "400", "600", "800"]


def test_the_pointer_finds_each_point_in_half_the_way_to_its_neighbours() -> None:
    two = Series("Interest", [(SECOND, Decimal(1))])
    found = drawn(line((FIRST, "5"), (SECOND, "6"), (FIFTH, "7")), two)
    assert [(band.x, band.width) for band in found.bands] == [
        (0, 125),
        (125, 500),
        (625, 375),
    ]
    assert found.bands[1].words == "2026-01-02 · Value: 6 · Interest: 1"


def test_a_picture_has_its_summary_for_those_who_do_not_see_it() -> None:
    page = render_to_string(
        "portal/_chart.html", {"chart": drawn(line((FIRST, "5"), (FIFTH, "7")))}
    )
    assert 'role="img" aria-label="All of it"' in page
    assert "style=" not in page
    assert render_to_string("portal/_chart.html", {"chart": None}).strip() == ""
