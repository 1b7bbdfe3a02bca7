"""The market for GPU-hours: buyers, the clearing with its scarcity rent, and cloud's markups.

Buyer b rents at cloud c a share w_bc of its hours, mostly where it already is and partly placed anew by logit on rent:

    w_bc = (1 - h_c) lag_bc + s_bc sum_j h_j lag_bj,   s_bc = A_bc r_c^-mu / sum_j A_bj r_j^-mu
    D_bc = w_bc [ H_b phi(r_c / r_b) + B_b / r_c + X_b (r_c / r_ref)^-eps ]

with H inference hours cut off around the choke rent r_b (phi = 1 / (1 + (r/r_b)^k)), B a training budget that is spent
in full, X hours of outside demand.  A cloud's data gravity g lowers the share that leaves it, h_c = h exp(-g_c).  Its
affinity has a part for all buyers and, for generative ones, parts for training, for serving and for hosting.  Rents
clear: r_c = reserve_c + lambda_c, 0 <= lambda_c _|_ capacity_c - D_c >= 0.
The reserve carries the markup and is set before the month.  Minus the Jacobian of demand in log rents is a
row-dominant M-matrix, so the solution is unique; it is found by damped sweeps and semismooth Newton in log rents.
"""

from __future__ import annotations

import math

import numpy as np

from moatlab.compiled import Rows, inlined, kernel
from moatlab.rules.sourcing import FROZEN, MARKUP, hours_per_token, own_hours_per_token

#: Relative excess demand at which rents count as cleared.
TOLERANCE = 1e-12
#: Sweeps before the first and before each later round of Newton steps, Newton steps a round, and rounds.
FIRST_SWEEPS, SWEEPS, STEPS, ROUNDS = 3, 10, 25, 60

BUYER_DTYPE = np.dtype(
    [
        ("kind", np.int64),  # 0 lab, 1 host, 2 app, 3 outside
        ("row", np.int64),
        ("inference", np.float64),  # Mh wanted
        ("choke", np.float64),  # $ per GPU-hour
        ("budget", np.float64),  # M$ of training
        ("elastic", np.float64),  # Mh of outside demand at the reference rent
        ("served", np.float64),  # Mh of inference served
        ("moving", np.float64),  # share of its hours that is placed anew this month
        ("barrier", np.float64),  # choke^-k, the part of the cut-off that does not change while rents are sought
    ],
    align=True,
)
LAB, HOST, APP, OUTSIDE = 0, 1, 2, 3


@inlined
def appeal_to_all(clouds: Rows, plain: Rows) -> bool:
    """Affinities for every buyer, exponentiated, into ``plain`` [clouds]; whether any cloud is specialised."""
    special = False
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        plain[c] = math.exp(cloud.affinity)
        if cloud.training_affinity != 0.0 or cloud.inference_affinity != 0.0 or cloud.hosting_affinity != 0.0:
            special = True
    return special


@inlined
def specialise(buyer: Rows, mean_rent: float, clouds: Rows, affinity: Rows) -> None:
    """What specialised clouds are worth to a generative buyer: training and serving weigh as it would spend on them.

    The buyer reckons with last month's mean rent.  A host of open checkpoints has a taste of its own.
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


@kernel
def gather_buyers(
    buyers: Rows, lag: Rows, affinity: Rows, labs: Rows, hosts: Rows, apps: Rows, live: Rows, routing: Rows,
    offers: Rows, places: Rows, app_places: Rows, edges: Rows, app_edges: Rows, clouds: Rows, shared_row: Rows,
    now_row: Rows,
) -> int:  # fmt: skip
    """Fill the table of buyers of the month; returns how many there are, or minus the room needed if it is short.

    ``places`` [labs + hosts + 1, clouds] and ``app_places`` [apps, clouds] are last month's shares, ``edges`` and
    ``app_edges`` the trade edges of the same shapes; ``lag`` and ``affinity`` [buyers, clouds] are filled.
    """
    shared = shared_row[0]
    now = now_row[0]
    n_labs = labs.shape[0]
    n_hosts = hosts.shape[0]
    n_clouds = clouds.shape[0]
    plain = np.empty(n_clouds)
    special = appeal_to_all(clouds, plain)
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
            buyer.choke = shared.compute_choke_multiple * max(lab.price, lab.unit_cost) / lab.hours_per_token
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
                if offer.seller_kind == 1 and offer.seller == index - n_labs and offer.tokens > 0.0:
                    hours = hours_per_token(labs[offer.lab].published_hours, shared, now)
                    buyer.inference += offer.tokens * hours * (1.0 + host.serving_overhead)
                    value += offer.tokens * offer.price
            if buyer.inference > 0.0:
                buyer.choke = shared.compute_choke_multiple * value / buyer.inference
        else:
            buyer.kind = OUTSIDE
            buyer.row = 0
            buyer.elastic = now.outside_hours
        for c in range(n_clouds):
            lag[count, c] = places[index, c]
            affinity[count, c] = plain[c] if edges[index, c] != 0 else 0.0
        if special and buyer.kind != OUTSIDE:
            specialise(buyer, now.mean_rent, clouds, affinity[count])
        count += 1
    own = offers.shape[0]
    needed = count
    for position in range(live.shape[0]):
        app = apps[live[position]]
        if app.own_model == 1 or app.own_budget > 0.0:
            needed += 1
    if needed > buyers.shape[0]:
        return -needed
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
            hours = own_hours_per_token(app.own_hours, app.tokens, shared, now)
            buyer.inference = app.tokens * routing[row, own] * hours
            buyer.choke = shared.compute_choke_multiple * app.price / (max(app.quota, 1e-12) * hours)
        for c in range(n_clouds):
            lag[count, c] = app_places[row, c]
            affinity[count, c] = plain[c] if app_edges[row, c] != 0 else 0.0
        if special:
            specialise(buyer, now.mean_rent, clouds, affinity[count])
        count += 1
    return count


@kernel
def settle_in(
    buyers: Rows, count: int, lag: Rows, affinity: Rows, capacity: Rows, gravity: Rows, rate: float, steepness: float
) -> None:
    """What does not change while rents are sought: hours that stay, into ``lag``, and the share placed anew.

    ``lag`` and ``affinity`` [buyers, clouds], ``capacity`` and ``gravity`` [clouds].  Shares held at clouds that closed
    or became unreachable, and all shares of a newcomer, are placed anew.
    """
    for b in range(count):
        buyer = buyers[b]
        kept = 0.0
        for c in range(capacity.shape[0]):
            if capacity[c] <= 0.0 or affinity[b, c] <= 0.0:
                affinity[b, c] = 0.0
                lag[b, c] = 0.0
            kept += lag[b, c]
        buyer.moving = 0.0 if kept > 0.0 else 1.0
        for c in range(capacity.shape[0]):
            if lag[b, c] > 0.0:
                leaving = rate * math.exp(-gravity[c]) if gravity[c] != 0.0 else rate
                held = lag[b, c] / kept
                lag[b, c] = (1.0 - leaving) * held
                buyer.moving += leaving * held
        buyer.barrier = math.exp(-steepness * math.log(buyer.choke)) if buyer.inference > 0.0 else 0.0


@inlined
def place(b: int, moving: float, stay: Rows, affinity: Rows, powers: Rows, weights: Rows, fresh: Rows) -> None:
    """Shares w_bc of buyer b at the powers r_c^-mu, and s_bc in ``fresh``; closed clouds get nothing."""
    n = powers.shape[0]
    total = 0.0
    for c in range(n):
        fresh[c] = affinity[b, c] * powers[c]
        total += fresh[c]
    scale = 1.0 / total if total > 0.0 else 0.0
    for c in range(n):
        fresh[c] *= scale
        weights[c] = stay[b, c] + moving * fresh[c]


@inlined
def demand(
    logs: Rows, buyers: Rows, count: int, stay: Rows, affinity: Rows, sharpness: float, steepness: float,
    elasticity: float, reference: float, total: Rows, jacobian: Rows, weights: Rows, fresh: Rows, powers: Rows,
    steep: Rows, elastic: Rows, inverse: Rows, with_jacobian: bool,
) -> None:  # fmt: skip
    """Hours demanded of each cloud at log rents ``logs``, and their derivatives in the log rents."""
    n = logs.shape[0]
    for c in range(n):
        total[c] = 0.0
        powers[c] = math.exp(-sharpness * logs[c])
        steep[c] = math.exp(steepness * logs[c])
        elastic[c] = math.exp(-elasticity * (logs[c] - math.log(reference)))
        inverse[c] = math.exp(-logs[c])
        if with_jacobian:
            for d in range(n):
                jacobian[c, d] = 0.0
    for b in range(count):
        buyer = buyers[b]
        place(b, buyer.moving, stay, affinity, powers, weights, fresh)
        for c in range(n):
            if weights[c] <= 0.0:
                continue
            served = 1.0 / (1.0 + steep[c] * buyer.barrier)
            training = buyer.budget * inverse[c]
            outside = buyer.elastic * elastic[c]
            level = buyer.inference * served + training + outside
            total[c] += weights[c] * level
            if with_jacobian:
                slope = -steepness * buyer.inference * served * (1.0 - served)
                slope -= training + elasticity * outside
                jacobian[c, c] += weights[c] * slope
                pull = buyer.moving * sharpness * fresh[c] * level
                jacobian[c, c] -= pull
                for d in range(n):
                    jacobian[c, d] += pull * fresh[d]


@inlined
def solve_linear(matrix: Rows, vector: Rows) -> bool:
    """Gaussian elimination with partial pivoting, in place; the solution replaces ``vector``."""
    n = vector.shape[0]
    for k in range(n):
        pivot = k
        for i in range(k + 1, n):
            if abs(matrix[i, k]) > abs(matrix[pivot, k]):
                pivot = i
        if abs(matrix[pivot, k]) < 1e-300:
            return False
        if pivot != k:
            for j in range(n):
                matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
            vector[k], vector[pivot] = vector[pivot], vector[k]
        for i in range(k + 1, n):
            factor = matrix[i, k] / matrix[k, k]
            if factor != 0.0:
                for j in range(k, n):
                    matrix[i, j] -= factor * matrix[k, j]
                vector[i] -= factor * vector[k]
    for k in range(n - 1, -1, -1):
        value = vector[k]
        for j in range(k + 1, n):
            value -= matrix[k, j] * vector[j]
        vector[k] = value / matrix[k, k]
    return True


@inlined
def violation(logs: Rows, floors: Rows, total: Rows, capacity: Rows, open_: Rows) -> float:
    """Largest violation of complementarity: relative excess demand, or slack above the reserve."""
    worst = 0.0
    for c in range(logs.shape[0]):
        if open_[c] == 1:
            excess = (total[c] - capacity[c]) / capacity[c]
            above = logs[c] - floors[c]
            worst = max(worst, abs(min(above, -excess)))
    return worst


@kernel
def clear(
    buyers: Rows, count: int, stay: Rows, affinity: Rows, capacity: Rows, reserve: Rows, rents: Rows, sharpness: float,
    rate: float, steepness: float, elasticity: float, reference: float,
) -> tuple[int, float]:  # fmt: skip
    """Clear the market: ``rents`` [clouds], $ per GPU-hour, is the warm start and receives the solution.

    ``buyers``, ``stay`` and ``affinity`` [buyers, clouds] are as `settle_in` leaves them; ``rate`` tells how bold the
    first sweeps may be.
    ``capacity`` in Mh, ``reserve`` in $ per GPU-hour, both [clouds]; a cloud without capacity is closed and keeps its
    rent.  Returns the iterations (sweeps and Newton steps) and the largest violation; above `TOLERANCE` it failed.
    """
    n = capacity.shape[0]
    logs = np.empty(n)
    floors = np.empty(n)
    open_ = np.empty(n, np.int64)
    total = np.empty(n)
    jacobian = np.empty((n, n))
    step = np.empty(n)
    weights = np.empty(n)
    fresh = np.empty(n)
    powers = np.empty(n)
    steep = np.empty(n)
    elastic = np.empty(n)
    inverse = np.empty(n)
    for c in range(n):
        open_[c] = 1 if capacity[c] > 0.0 else 0
        floors[c] = math.log(reserve[c])
        logs[c] = max(floors[c], math.log(max(rents[c], 1e-12)))
    iterations = 0
    worst = 1e300
    for round_ in range(ROUNDS):
        for _ in range(FIRST_SWEEPS if round_ == 0 else SWEEPS):
            demand(logs, buyers, count, stay, affinity, sharpness, steepness, elasticity, reference, total,
                   jacobian, weights, fresh, powers, steep, elastic, inverse, False)  # fmt: skip
            iterations += 1
            worst = violation(logs, floors, total, capacity, open_)
            if worst <= TOLERANCE:
                break
            for c in range(n):
                if open_[c] == 1:
                    if total[c] > 0.0:
                        # The first sweeps, from last month's rents, may be bold; later rounds are safe.
                        damping = 1.0 + (sharpness * rate if round_ == 0 else sharpness)
                        change = math.log(total[c] / capacity[c]) / damping
                        logs[c] = max(floors[c], logs[c] + min(max(change, -2.0), 2.0))
                    else:
                        logs[c] = floors[c]
        if worst <= TOLERANCE:
            break
        previous = 1e300
        for _ in range(STEPS):
            demand(logs, buyers, count, stay, affinity, sharpness, steepness, elasticity, reference, total,
                   jacobian, weights, fresh, powers, steep, elastic, inverse, True)  # fmt: skip
            iterations += 1
            worst = violation(logs, floors, total, capacity, open_)
            if worst <= TOLERANCE or worst > 4.0 * previous:
                break
            previous = worst
            for c in range(n):
                excess = (total[c] - capacity[c]) / capacity[c] if open_[c] == 1 else 0.0
                if open_[c] == 0 or logs[c] - floors[c] <= -excess:
                    for d in range(n):
                        jacobian[c, d] = 0.0
                    jacobian[c, c] = 1.0
                    step[c] = floors[c] - logs[c] if open_[c] == 1 else 0.0
                else:
                    # Newton on the log of demand, in which elastic demand is nearly linear; on demand itself a step
                    # falls short by the elasticity where too much is wanted, and overshoots as much where too little.
                    step[c] = -total[c] * math.log(total[c] / capacity[c]) if total[c] > 0.0 else 2.0 * jacobian[c, c]
            if not solve_linear(jacobian, step):
                break
            for c in range(n):
                if open_[c] == 1:
                    logs[c] = max(floors[c], logs[c] + min(max(step[c], -2.0), 2.0))
        if worst <= TOLERANCE:
            break
    for c in range(n):
        if open_[c] == 1:
            rents[c] = math.exp(logs[c])
    return iterations, worst


@kernel
def serve(
    buyers: Rows, count: int, stay: Rows, affinity: Rows, hours: Rows, trained: Rows, clouds: Rows, labs: Rows,
    hosts: Rows, apps: Rows, places: Rows, app_places: Rows, shared_row: Rows, now_row: Rows,
) -> None:  # fmt: skip
    """At the cleared rents and the shares that `settle_in` prepared: hours [buyers, clouds] of inference (and outside demand) in ``hours``, of training in
    ``trained``, shares of calls served, runs' hours, elasticities that clouds face, and the places of next month.
    """
    shared = shared_row[0]
    now = now_row[0]
    n = clouds.shape[0]
    n_labs = labs.shape[0]
    n_hosts = hosts.shape[0]
    powers = np.empty(n)
    weights = np.empty(n)
    fresh = np.empty(n)
    moved = np.empty(n)
    sharpness = shared.compute_rent_sharpness
    for c in range(n):
        cloud = clouds[c]
        powers[c] = math.exp(-sharpness * math.log(cloud.rent))
        leaving = shared.compute_switching_rate * math.exp(-cloud.gravity)
        moved[c] = 1.0 - (1.0 - leaving) ** shared.clouds_markup_horizon
        cloud.gravity += shared.compute_gravity_gain * (1.0 - leaving) - shared.compute_gravity_decay * cloud.gravity
        cloud.hours = 0.0
        cloud.own_hours = 0.0
        cloud.elasticity = 0.0
        cloud.offered = cloud.capacity
        cloud.floor_rent = cloud.reserve
    now.inference_wanted = 0.0
    now.inference_served = 0.0
    now.generative_hours = 0.0
    for b in range(count):
        buyer = buyers[b]
        place(b, buyer.moving, stay, affinity, powers, weights, fresh)
        buyer.served = 0.0
        bought = 0.0
        for c in range(n):
            hours[b, c] = 0.0
            trained[b, c] = 0.0
            if weights[c] <= 0.0:
                continue
            rent = clouds[c].rent
            served = 0.0
            if buyer.inference > 0.0:
                served = 1.0 / (1.0 + math.exp(shared.compute_choke_steepness * math.log(rent / buyer.choke)))
            inference = weights[c] * buyer.inference * served
            elastic = 0.0
            if buyer.elastic > 0.0:
                lower = math.log(rent / shared.outside_reference_rent)
                elastic = weights[c] * buyer.elastic * math.exp(-shared.outside_spot_elasticity * lower)
            hours[b, c] = inference + elastic
            trained[b, c] = weights[c] * buyer.budget / rent
            buyer.served += inference
            everything = inference + elastic + trained[b, c]
            bought += trained[b, c]
            own = shared.compute_choke_steepness * (1.0 - served) * inference + trained[b, c]
            own += shared.outside_spot_elasticity * elastic
            clouds[c].elasticity += own + moved[c] * sharpness * (1.0 - weights[c]) * everything
            clouds[c].hours += everything
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
        cloud.elasticity = cloud.elasticity / cloud.hours if cloud.hours > 0.0 else shared.clouds_elasticity_floor


@kernel
def decide_reserves(clouds: Rows, shared_row: Rows) -> None:
    """Next month's reserve rents: running cost plus the markup of the elasticity faced over the horizon.

    E weighs each buyer's own elasticity and r_H mu (1 - w): the less a buyer moves within the horizon, the dearer.
    The rule is c E / (E - 1), approached in logs; the scarcity rent of the month comes on top and is not decided.
    """
    shared = shared_row[0]
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        elasticity = max(shared.clouds_elasticity_floor, cloud.elasticity)
        wanted = cloud.running * elasticity / (elasticity - 1.0)
        if cloud.price_rule == MARKUP:
            wanted = cloud.running * (1.0 + cloud.markup)
        cloud.next_reserve = cloud.reserve
        if cloud.price_rule != FROZEN:
            cloud.next_reserve = cloud.reserve * (wanted / cloud.reserve) ** shared.clouds_markup_speed


@kernel
def expect(clouds: Rows, labs: Rows, shared_row: Rows, now_row: Rows) -> None:
    """Adaptive expectations of rents, contract rents, and outside demand's view of capability."""
    shared = shared_row[0]
    now = now_row[0]
    speed = shared.compute_expectation_speed
    total = 0.0
    value = 0.0
    for c in range(clouds.shape[0]):
        cloud = clouds[c]
        cloud.contract_rent += (cloud.rent - cloud.contract_rent) / shared.compute_contract_months
        cloud.expected_rent += speed * (cloud.rent - cloud.expected_rent)
        total += cloud.hours
        value += cloud.hours * cloud.rent
    if total > 0.0:
        now.mean_rent = value / total
    now.expected_rent += speed * (now.mean_rent - now.expected_rent)
    now.expected_frontier += speed * (now.frontier - now.expected_frontier)
