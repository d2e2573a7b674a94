"""Tables line up whatever the script, and the loss curve lies within its frame whatever was logged."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.conversation import Step
from agentswift.report.curve import HEIGHT, WIDTH, loss_curve, ticks
from agentswift.report.tables import before_after, before_after_rows, table
from agentswift.score import score_step, summarize

CALL = Step(kind="call", tool="get_weather", arguments={"city": "杭州"})


def test_a_plain_table_lines_up_with_chinese_and_figures_to_the_right() -> None:
    rows: list[list[object]] = [["天气数据", "1,200", "5.0 %", "一行\n两行"], ["a", 7, "–", "x"]]
    assert table("rows", ["dataset", "read", "share", "note"], rows, terminal=False).splitlines() == [
        "rows",
        "  dataset    read  share  note",
        "  天气数据  1,200  5.0 %  一行 两行",
        "  a             7      –  x",
    ]


def test_a_table_of_no_rows_is_its_head() -> None:
    assert table("rows", ["a", "b"], [], terminal=False) == "rows\n  a  b"


def test_a_drawn_table_takes_no_markup_and_no_control_from_its_cells() -> None:
    drawn = table("[red]t", ["[bold]a"], [["[link=x]y[/link]\x1b]0;evil\x07"]], terminal=True)
    assert "[link=x]y[/link]␛]0;evil␇" in drawn
    assert "[red]t" in drawn
    assert "\x1b]0" not in drawn


def test_before_and_after_compares_each_part_figure_and_language() -> None:
    right = score_step([CALL], [CALL], [], [], language="zh")
    wrong = score_step([CALL], [], [], [], language="en")
    words = score_step([], [Step(kind="answer", text="no tool fits")], [], [], language="en")
    tuned, base = summarize([right, wrong, words]), summarize([wrong, wrong, words])
    rows = before_after_rows({"known": base}, {"known": tuned, "unseen": tuned})
    assert ("known", "exact_call", "2", "0.0 %", "50.0 %", "+50.0") in rows
    assert ("known", "no_call", "1", "100.0 %", "100.0 %", "+0.0") in rows
    assert ("known", "exact_call zh", "1", "–", "100.0 %", "") in rows
    assert ("unseen", "valid_format", "3", "–", "100.0 %", "") in rows
    assert ("known", "missed_call (less is better)", "2", "100.0 %", "50.0 %", "-50.0") in rows
    assert "+50.0" in before_after({"known": base}, {"known": tuned}, terminal=False)
    assert before_after(None, {"known": tuned}, terminal=False).count("–") > 4


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (0.18, 2.66, [0.5, 1.0, 1.5, 2.0, 2.5]),
        (3, 3, [3, 3.5]),
        (1e-6, 3e-6, [1e-6, 1.5e-6, 2e-6, 2.5e-6, 3e-6]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_steps_have_whole_ticks() -> None:
    assert ticks(1, 2, whole=True) == [1, 2]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(-1e6, 1e6)), min_size=1, max_size=30))
def test_every_point_lies_in_the_frame(logged: list[tuple[int, float]]) -> None:
    chart = loss_curve([{"loss": loss, "global_step/max_steps": f"{step}/10"} for step, loss in logged])
    assert chart
    points = [(float(x), float(y)) for line in chart.lines for x, y, _ in line.points]
    points += [(float(x), 0.0) for x, _ in chart.x_ticks] + [(0.0, float(y)) for y, _ in chart.y_ticks]
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)
    assert len(chart.y_ticks) >= 2


@pytest.mark.parametrize("records", [[], [{"loss": math.nan}], [{"train_runtime": 5.0, "train_loss": 1.0}]])
def test_there_is_no_curve_without_a_finite_loss(records: list[dict[str, Any]]) -> None:
    assert loss_curve(records) is None


def test_losses_that_are_no_number_are_left_out_and_counted() -> None:
    chart = loss_curve([{"loss": 2.0}, {"loss": math.nan}, {"loss": "bad"}, {"loss": 1.0}])
    assert chart
    assert chart.left_out == 2
    assert [said for _, _, said in chart.lines[0].points] == ["train loss 2 at step 1", "train loss 1 at step 4"]


def test_a_step_logged_again_counts_as_it_was_last() -> None:
    chart = loss_curve(
        [{"loss": loss, "global_step/max_steps": f"{step}/9"} for step, loss in [(1, 3), (2, 2), (2, 1)]]
    )
    assert chart
    assert [said for _, _, said in chart.lines[0].points] == ["train loss 3 at step 1", "train loss 1 at step 2"]


def test_a_long_run_is_drawn_as_means() -> None:
    chart = loss_curve([{"loss": 1.0 + n % 2} for n in range(1000)])
    assert chart
    assert (len(chart.lines[0].points), chart.lines[0].records) == (334, 3)
