"""The market for GPU-hours: who wants how many, what the cleared rents give them, and clouds' reserve rents.

`moatlab.market.rules.clearing` has the equations and finds the rents.
"""

from __future__ import annotations

import math

import numpy as np

from moatlab.market.rules.clearing import NOTHING, clear, place, placed_again, settle_in
from moatlab.market.rules.conventions import FROZEN, MARKUP, together
from moatlab.market.rules.offers import hours_per_token, own_hours_per_token
from moatlab.market.state.codes import APP, HOST, LAB, OUTSIDE
from moatlab.market.state.compiled import Rows, inlined, kernel


@inlined
def weigh_size(c: int, clouds: Rows, weight: float) -> float:
    """What a cloud's capacity is worth to buyers who look for hours: K^sigma, so that a small one is found less often.

    Of a company with several clouds each has its part of what they would be worth as one.
    """
    if weight == 0.0:
        return 1.0
    capacity = clouds[c].capacity
    if capacity <= 0.0:
        return 0.0
    whole = capacity
    for d in range(clouds.shape[0]):
        if d != c and together(clouds[c], clouds[d]):
            whole += clouds[d].capacity
    return capacity * whole ** (weight - 1.0)


@inlined
def appeal_to_all(clouds: Rows, weight: float, plain: Rows) -> bool:
    """Capacities and affinities for every buyer into ``plain`` [clouds]; whether any cloud is specialised."""
    special = False
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        plain[c] = math.exp(cloud.affinity) * weigh_size(c, clouds, weight)
        if cloud.training_affinity != 0.0 or cloud.inference_affinity != 0.0 or cloud.hosting_affinity != 0.0:
            special = True
    return special


@inlined
def sustained_rent(clouds: Rows, reference: float) -> float:
    """Mean full unit cost of an hour over all fleets, $ per GPU-hour; the ``reference`` rent where there is none."""
    total = 0.0
    value = 0.0
    for c in range(clouds.shape[0]):
        total += clouds[c].capacity
        value += clouds[c].capacity * clouds[c].full_cost
    return value / total if total > 0.0 and value > 0.0 else reference


@inlined
def specialise(buyer: Rows, mean_rent: float, clouds: Rows, affinity: Rows) -> None:
    """What specialised clouds are worth to a generative buyer: training and serving weigh as it would spend on them.

    The buyer goes by last month's mean rent.  A host of open checkpoints has a taste of its own.
    """
    serving = buyer.inference * mean_rent
    training = buyer.budget / (buyer.budget + serving) if buyer.budget > 0.0 else 0.0
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        if buyer.kind == HOST:
            affinity[c] *= math.exp(cloud.hosting_affinity)
        else:
            special = training * cloud.training_affinity + (1.0 - training) * cloud.inference_affinity
            affinity[c] *= math.exp(special)


@inlined
def avoid_rivals(lab: Rows, labs: Rows, clouds: Rows, neutrality: float, affinity: Rows) -> None:
    """A lab would rather not pay a company that has a lab of its own, but for its own company and its partner."""
    partner = clouds[lab.partner].company if lab.partner >= 0 else 0
    for c in range(clouds.shape[0]):
        company = clouds[c].company
        if company == 0 or company == lab.company or company == partner:
            continue
        for other in range(labs.shape[0]):
            if labs[other].alive == 1 and labs[other].company == company:
                affinity[c] *= math.exp(-neutrality)
                break


@kernel
def gather_buyers(s: Rows) -> bool:
    """Fill the table of buyers of the month; False where it is too short, with ``now.wanted_rows`` the rows it needs.

    ``places`` [labs + hosts + 1, clouds] and ``app_places`` [apps, clouds] are last month's shares, ``edges`` and
    ``app_edges`` the trade edges of the same shapes; ``lag`` and ``affinity`` [buyers, clouds] are filled.

    Checked: tests/reference/test_oracle.py,
    tests/market/rules/test_allocation.py::test_specialised_clouds_win_the_buyers_they_are_made_for.
    """
    buyers, lag, affinity = s.buyers, s.matrices[0], s.matrices[1]
    labs, hosts, apps, live, clouds = s.labs, s.hosts, s.apps, s.live, s.clouds
    routing, offers, edges, places = s.routing, s.offers, s.edges, s.places
    app_places, app_edges = s.app_places, s.app_edges
    shared = s.shared[0]
    now = s.now[0]
    n_labs = labs.shape[0]
    n_hosts = hosts.shape[0]
    n_clouds = clouds.shape[0]
    plain = np.empty(n_clouds)
    special = appeal_to_all(clouds, shared.compute_size_weight, plain)
    # Who sells below cost, or bundles, bears what an hour costs to supply, but not whatever the rent has come to: a
    # willingness to pay that follows the rent has no end.
    sustained = shared.compute_choke_multiple * sustained_rent(clouds, shared.outside_reference_rent)
    count = 0
    for index in range(n_labs + n_hosts + 1):
        buyer = buyers[count]
        buyer.row = index
        buyer.inference = 0.0
        buyer.choke = 1.0
        buyer.budget = 0.0
        buyer.elastic = 0.0
        if index < n_labs:
            lab = labs[index]
            if lab.alive == 0:
                continue
            buyer.kind = LAB
            lab.hours_per_token = hours_per_token(lab.model_hours, shared, now)
            buyer.inference = lab.tokens * lab.hours_per_token
            buyer.choke = max(shared.compute_choke_multiple * lab.price / lab.hours_per_token, sustained)
            buyer.budget = lab.training_budget
        elif index < n_labs + n_hosts:
            host = hosts[index - n_labs]
            if host.alive == 0:
                continue
            buyer.kind = HOST
            buyer.row = index - n_labs
            value = 0.0
            for o in range(offers.shape[0]):
                offer = offers[o]
                if offer.seller_kind == HOST and offer.seller == index - n_labs and offer.tokens > 0.0:
                    hours = hours_per_token(labs[offer.lab].published_hours, shared, now)
                    buyer.inference += offer.tokens * hours * (1.0 + host.serving_overhead)
                    value += offer.tokens * offer.price
            if buyer.inference > 0.0:
                buyer.choke = max(shared.compute_choke_multiple * value / buyer.inference, sustained)
        else:
            buyer.kind = OUTSIDE
            buyer.row = 0
            buyer.elastic = now.outside_hours
        for c in range(n_clouds):
            lag[count, c] = places[index, c]
            affinity[count, c] = plain[c] if edges[index, c] != 0 else 0.0
        if special and buyer.kind != OUTSIDE:
            specialise(buyer, now.mean_rent, clouds, affinity[count])
        if buyer.kind == LAB and shared.clouds_neutrality != 0.0:
            avoid_rivals(labs[index], labs, clouds, shared.clouds_neutrality, affinity[count])
        count += 1
    own = offers.shape[0]
    needed = count
    for position in range(live.shape[0]):
        app = apps[live[position]]
        if app.own_model == 1 or app.own_budget > 0.0:
            needed += 1
    now.wanted_rows = needed
    if needed > buyers.shape[0]:
        return False
    for position in range(live.shape[0]):
        row = live[position]
        app = apps[row]
        if app.own_model == 0 and app.own_budget <= 0.0:
            continue
        buyer = buyers[count]
        buyer.kind = APP
        buyer.row = row
        buyer.inference = 0.0
        buyer.choke = 1.0
        buyer.elastic = 0.0
        buyer.budget = app.own_budget
        if app.own_model == 1:
            hours = own_hours_per_token(hours_per_token(app.own_hours, shared, now), app.tokens, shared)
            buyer.inference = app.tokens * routing[row, own] * hours
            value = app.price / (max(app.quota, 1e-12) * hours)
            buyer.choke = max(shared.compute_choke_multiple * value, sustained)
        for c in range(n_clouds):
            lag[count, c] = app_places[row, c]
            affinity[count, c] = plain[c] if app_edges[row, c] != 0 else 0.0
        if special:
            specialise(buyer, now.mean_rent, clouds, affinity[count])
        count += 1
    now.buyers = count
    return True


@kernel
def find_rents(s: Rows) -> bool:
    """Rents that clear the market for GPU-hours, and what is rationed; False where demand is not a number.

    Checked: tests/reference/test_oracle.py, tests/textbook/test_compute.py, tests/market/rules/test_clearing.py.
    """
    clouds, buyers, lag, affinity = s.clouds, s.buyers, s.matrices[0], s.matrices[1]
    shared = s.shared[0]
    now = s.now[0]
    n = clouds.shape[0]
    capacity = np.empty(n)
    reserve = np.empty(n)
    rents = np.empty(n)
    gravity = np.empty(n)
    rationed = np.ones(n)
    for c in range(n):
        capacity[c] = clouds[c].capacity
        reserve[c] = clouds[c].reserve
        rents[c] = clouds[c].rent
        gravity[c] = clouds[c].gravity
    settle_in(buyers, now.buyers, lag, affinity, capacity, gravity, shared.compute_switching_rate,
              shared.compute_choke_steepness)  # fmt: skip
    now.iterations, now.residual = clear(
        buyers, now.buyers, lag, affinity, capacity, reserve, rents, shared.compute_rent_sharpness,
        shared.compute_choke_steepness, shared.outside_spot_elasticity, shared.outside_reference_rent,
        rationed,
    )  # fmt: skip
    if math.isnan(now.residual):
        return False
    for c in range(n):
        clouds[c].rent = rents[c]
        clouds[c].rationed = rationed[c]
    return True


@inlined
def own_lab(buyer: Rows, labs: Rows, cloud: Rows) -> bool:
    """Whether the buyer is a lab of the cloud's company: what it pays is a transfer, no demand to set a price by."""
    return bool(buyer.kind == LAB and cloud.company != 0 and labs[buyer.row].company == cloud.company)


@kernel
def serve(s: Rows) -> None:
    """What the cleared rents, and the shares that `settle_in` prepared, give to whom.

    Writes hours [buyers, clouds] of inference (and outside demand) into ``hours`` and of training into ``trained``,
    shares of calls served, runs' hours, elasticities that clouds face, and the places of next month.

    Checked: tests/reference/test_oracle.py,
    tests/textbook/test_compute.py::test_hours_move_to_the_logit_shares_at_the_switching_rate.
    """
    buyers, stay, affinity = s.buyers, s.matrices[0], s.matrices[1]
    hours, trained = s.matrices[2], s.matrices[3]
    clouds, labs, hosts, apps = s.clouds, s.labs, s.hosts, s.apps
    places, app_places = s.places, s.app_places
    count = s.now[0].buyers
    shared = s.shared[0]
    now = s.now[0]
    n = clouds.shape[0]
    n_labs = labs.shape[0]
    n_hosts = hosts.shape[0]
    logs = np.empty(n)
    powers = np.empty(n)
    weights = np.empty(n)
    fresh = np.empty(n)
    moved = np.empty(n)
    steep = np.empty(n)
    elastic = np.empty(n)
    priced = np.zeros(n)
    cloud_of_several = np.zeros(n, np.bool_)
    sharpness = shared.compute_rent_sharpness
    for c in range(n):
        cloud = clouds[c]
        for d in range(n):
            cloud_of_several[c] |= d != c and together(cloud, clouds[d])
        logs[c] = math.log(cloud.rent)
        powers[c] = math.exp(-sharpness * logs[c])
        steep[c] = math.exp(min(shared.compute_choke_steepness * logs[c], NOTHING))
        elastic[c] = math.exp(-shared.outside_spot_elasticity * (logs[c] - math.log(shared.outside_reference_rent)))
        leaving = placed_again(shared.compute_switching_rate, cloud.gravity)
        moved[c] = 1.0 - (1.0 - leaving) ** shared.clouds_markup_horizon
        cloud.gravity += shared.compute_gravity_gain * (1.0 - leaving) - shared.compute_gravity_decay * cloud.gravity
        cloud.hours = 0.0
        cloud.own_hours = 0.0
        cloud.elasticity = 0.0
    now.inference_wanted = 0.0
    now.inference_served = 0.0
    now.generative_hours = 0.0
    for b in range(count):
        buyer = buyers[b]
        place(b, buyer.moving, stay, affinity, logs, sharpness, powers, weights, fresh)
        buyer.served = 0.0
        bought = 0.0
        for c in range(n):
            hours[b, c] = 0.0
            trained[b, c] = 0.0
            if weights[c] <= 0.0:
                continue
            rent = clouds[c].rent
            served = 1.0 / (1.0 + steep[c] * buyer.barrier) if buyer.inference > 0.0 else 0.0
            given = clouds[c].rationed * weights[c]
            inference = given * buyer.inference * served
            spot = given * buyer.elastic * elastic[c]
            hours[b, c] = inference + spot
            trained[b, c] = given * buyer.budget / rent
            buyer.served += inference
            everything = inference + spot + trained[b, c]
            bought += trained[b, c]
            own = shared.compute_choke_steepness * (1.0 - served) * inference + trained[b, c]
            own += shared.outside_spot_elasticity * spot
            mine = weights[c]
            if cloud_of_several[c]:
                for d in range(n):
                    if d != c and together(clouds[c], clouds[d]):
                        mine += weights[d]
            clouds[c].hours += everything
            if not own_lab(buyer, labs, clouds[c]):
                clouds[c].elasticity += own + moved[c] * sharpness * (1.0 - mine) * everything
                priced[c] += everything
            if buyer.kind != OUTSIDE:
                clouds[c].own_hours += everything
                now.generative_hours += everything
        service = buyer.served / buyer.inference if buyer.inference > 0.0 else 1.0
        now.inference_wanted += buyer.inference
        now.inference_served += buyer.served
        if buyer.kind == LAB:
            labs[buyer.row].service = service
            labs[buyer.row].run_hours += bought
        elif buyer.kind == HOST:
            hosts[buyer.row].service = service
        elif buyer.kind == APP:
            apps[buyer.row].own_service = service
        slot = buyer.row
        if buyer.kind == HOST:
            slot = n_labs + buyer.row
        elif buyer.kind == OUTSIDE:
            slot = n_labs + n_hosts
        for c in range(n):
            if buyer.kind == APP:
                app_places[buyer.row, c] = weights[c]
            else:
                places[slot, c] = weights[c]
    for c in range(n):
        cloud = clouds[c]
        cloud.elasticity = cloud.elasticity / priced[c] if priced[c] > 0.0 else shared.clouds_elasticity_floor


@kernel
def decide_reserves(s: Rows) -> None:
    """Next month's reserve rents: running cost plus the markup of the elasticity faced over the horizon.

    E weighs each buyer's own elasticity and r_H mu (1 - w): the less a buyer moves within the horizon, the dearer.
    The rule is c E / (E - 1), approached in logs, up to the full unit cost and a premium, at which buyers would build
    for themselves; the scarcity rent of the month comes on top and is not decided.

    Checked:
    tests/textbook/test_compute.py::test_with_ample_capacity_reserves_are_those_of_a_bertrand_nash_equilibrium,
    tests/textbook/test_compute.py::test_what_buyers_move_in_a_year_is_what_the_reserve_reckons_with.
    """
    clouds = s.clouds
    shared = s.shared[0]
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        elasticity = max(shared.clouds_elasticity_floor, cloud.elasticity)
        wanted = cloud.running * elasticity / (elasticity - 1.0)
        limit = shared.clouds_self_build * cloud.full_cost
        if limit > cloud.running:
            wanted = min(wanted, limit)
        if cloud.price_rule == MARKUP:
            wanted = cloud.running * (1.0 + cloud.markup)
        cloud.next_reserve = cloud.reserve
        if cloud.price_rule != FROZEN:
            cloud.next_reserve = cloud.reserve * (wanted / cloud.reserve) ** shared.clouds_markup_speed


@kernel
def expect(s: Rows) -> None:
    """Adaptive expectations of rents.

    Checked: tests/market/rules/test_stocks.py::test_expectations_cover_part_of_the_way.
    """
    clouds = s.clouds
    shared = s.shared[0]
    now = s.now[0]
    speed = shared.compute_expectation_speed
    total = 0.0
    value = 0.0
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        cloud.expected_rent += speed * (cloud.rent - cloud.expected_rent)
        total += cloud.hours
        value += cloud.hours * cloud.rent
    if total > 0.0:
        now.mean_rent = value / total
    now.expected_rent += speed * (now.mean_rent - now.expected_rent)
