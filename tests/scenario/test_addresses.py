"""The grammar of addresses: what it accepts, and what it says of everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moatlab.errors import InputError
from moatlab.scenario.addresses import ALL, Address, nearest, parse, resolve
from moatlab.scenario.tables import REGISTRY

SLUGS = {"labs": ("openai", "character-ai"), "apps": ("jasper",), "users": ("code",)}

slugs = st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)


@st.composite
def addresses(draw: st.DrawFn) -> Address:
    parameter = draw(st.sampled_from(list(REGISTRY.values())))
    slug = None if parameter.scope == "kind" else draw(st.just(ALL) | slugs)
    return Address(parameter.kind, slug, parameter.name)


@given(addresses())
def test_every_address_reads_back(address: Address) -> None:
    rows = {} if address.slug in (None, ALL) else {address.kind: [str(address.slug)]}
    assert parse(str(address)) == resolve(f"  {address} ", rows) == address
    assert address.declared is REGISTRY[address.kind, address.parameter]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("labs.markup", "markup belongs to a model lab: labs.<slug>.markup or labs.*.markup"),
        ("labs.openai.run_months", "all labs share it: labs.run_months"),
        ("labs.*.run_months", "all labs share it"),
        ("lab.openai.markup", "did you mean labs?"),
        ("labs.opnai.markup", "did you mean openai?"),
        ("labs.openai.mark_up", "did you mean markup"),
        ("labs.OpenAI.markup", "no slug"),
        ("compute.spot.markup", "has no parameter 'markup'"),
        ("labs", "kind.name, kind.<slug>.name or kind.*.name"),
        ("labs..markup", "is no address"),
        ("labs.openai.markup.now", "is no address"),
        ("", "is no address"),
    ],
)
def test_a_bad_address_is_one_clear_line(text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve(text, SLUGS, "here")
    assert says in str(caught.value)
    assert str(caught.value).startswith("here: ")
    assert "\n" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_an_input_error(text: str) -> None:
    try:
        address = resolve(text, SLUGS)
    except InputError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert str(address) == text.strip()


def test_nearest_lists_few_names_and_shortens_many() -> None:
    assert nearest("zzz", ["b", "a"]) == "valid: a, b"
    assert nearest("zzz", []) == "there is none"
    assert nearest("zzz", [f"name{i}" for i in range(99)]).endswith(", ...")
