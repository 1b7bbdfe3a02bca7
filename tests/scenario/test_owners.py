"""Who owns what: companies, labs' apps, captive chips, firms of one name, startups."""

from __future__ import annotations

from moatlab import Scenario
from moatlab.results.addresses import find_metric
from moatlab.scenario.owners import owner_names, owners_of_firms


def test_owners_of_the_essay() -> None:
    found = owners_of_firms(Scenario("essay-2023"))
    assert {found[a] for a in ("clouds.azure", "labs.microsoft", "apps.microsoft", "apps.copilot")} == {"microsoft"}
    assert {found[a] for a in ("clouds.gcp", "labs.google", "chipmakers.google-tpu", "apps.google")} == {"google"}
    assert {found[a] for a in ("clouds.aws", "labs.amazon", "chipmakers.aws-trainium")} == {"amazon"}
    assert found["apps.chatgpt"] == found["labs.openai"] == "openai"
    assert found["chipmakers.nvidia"] == "nvidia" and found["apps.jasper"] == "jasper"


def test_a_company_goes_before_the_lab() -> None:
    scenario = Scenario("essay-2023").set({"apps.chatgpt.company": "holding", "chipmakers.google-tpu.company": "xyz"})
    found = owners_of_firms(scenario)
    assert (found["apps.chatgpt"], found["chipmakers.google-tpu"]) == ("holding", "xyz")


def test_names_of_owners() -> None:
    names = owner_names(Scenario("essay-2023"))
    assert (names["microsoft"], names["amazon"], names["openai"]) == ("Microsoft", "Amazon", "OpenAI")
    assert list(names)[-1] == "startups"
    slugs = Scenario("essay-2023").metric_slugs
    assert find_metric("owners.microsoft.economic_profit", slugs) is not None
    assert find_metric("owners.nobody.economic_profit", slugs) is None
    assert find_metric("owners.microsoft.churn", slugs) is None
