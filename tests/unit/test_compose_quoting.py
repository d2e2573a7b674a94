"""Values in quotes, against Hydra's own parser."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st

from agentswift.compose import compose_run
from agentswift.compose.quoting import quote, quote_choice, quote_text, quote_texts
from agentswift.schema.runs import Train

PARSER = OverridesParser.create()


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab'\"\\ ,#(=>中[]{}$:\n\t~", min_size=1, max_size=12))
def test_hydra_reads_back_what_was_quoted(text: str) -> None:
    assert PARSER.parse_override(f"key={quote(text)}").value() == text


@pytest.mark.parametrize(
    ("value", "once", "in_a_sweep"),
    [
        ("", "", ""),
        ("null", "null", "null"),
        ("a", "'a'", "'a'"),
        ("'a b'", "'a b'", "'a b'"),
        ('"a"', '"a"', '"a"'),
        ("'a','b'", "\"'a','b'\"", "'a','b'"),
        ("a,b c", "'a,b c'", "'a','b c'"),
        ("a,null", "'a,null'", "'a',null"),
        ("choice(a,b)", "'choice(a,b)'", "choice(a,b)"),
        ("glob(*)", "'glob(*)'", "glob(*)"),
        ("${oc.env:HOME}/行", "'${oc.env:HOME}/行'", "'${oc.env:HOME}/行'"),
    ],
)
def test_text_is_quoted_unless_it_says_more(value: str, once: str, in_a_sweep: str) -> None:
    assert quote_text(value, sweep=False) == once
    assert quote_text(value, sweep=True) == in_a_sweep


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("[]", "[]"),
        ("[a,b c]", "['a','b c']"),
        ("[/数据/卡]", "['/数据/卡']"),
        ("小智", "['小智']"),
        ("a,b", "a,b"),
        ("[[a],b]", "[[a],b]"),
        ("${x}", "${x}"),
        ("null", "null"),
    ],
)
def test_a_list_of_texts_is_quoted_by_element(value: str, quoted: str) -> None:
    assert quote_texts(value, sweep=False) == quoted


@pytest.mark.parametrize(
    ("value", "once", "in_a_sweep"),
    [
        ("llama3", "llama3", "llama3"),
        ("我的数据", "'我的数据'", "'我的数据'"),
        ("a,我的", "a,我的", "a,'我的'"),
        ("glob(*)", "'glob(*)'", "glob(*)"),
        ("[a,b]", "[a,b]", "[a,b]"),
        ("null", "null", "null"),
    ],
)
def test_an_option_is_quoted_only_at_need(value: str, once: str, in_a_sweep: str) -> None:
    assert quote_choice(value, sweep=False) == once
    assert quote_choice(value, sweep=True) == in_a_sweep


def test_a_mix_given_whole_is_that_mix() -> None:
    run = compose_run("train", Train, ["data.parts={quickstart-known: 0.5, quickstart-unseen: 2}"])
    assert run.data.parts == {"quickstart-known": 0.5, "quickstart-unseen": 2.0}


def test_a_mix_given_beside_an_option_is_added_to_it() -> None:
    run = compose_run("train", Train, ["data=quickstart", "data.parts={quickstart-known: 0.5}"])
    assert run.data.parts == {"quickstart": 1.0, "quickstart-known": 0.5}
