"""The clearing of the market for GPU-hours, with its scarcity rent.

Buyer b rents at cloud c a share w_bc of its hours, mostly where it already is and partly placed again by logit on rent:

    w_bc = (1 - h_c) lag_bc + s_bc sum_j h_j lag_bj,   s_bc = A_bc r_c^-mu / sum_j A_bj r_j^-mu
    D_bc = w_bc [ H_b phi(r_c / r_b) + B_b / r_c + X_b (r_c / r_ref)^-eps ]

with H inference hours cut off around the choke rent r_b (phi = 1 / (1 + (r/r_b)^k)), B a training budget that is spent
in full, X hours of outside demand.  Data gravity g lowers the share that leaves a cloud, h_c = min(1, h exp(-g_c)).
A cloud's affinity has a part for all buyers and, for generative ones, parts for training, for serving and for hosting.
Rents clear: r_c = reserve_c + lambda_c, 0 <= lambda_c _|_ capacity_c - D_c >= 0.
The reserve carries the markup and is set before the month.

Minus the Jacobian of log demand in log rents is a strictly row-dominant M-matrix: the solution is unique, and a Newton
step lowers the largest log excess demand if it is short enough.  So rents are found by semismooth Newton steps, halved
until they do, with damped sweeps where they fail.
"""

from __future__ import annotations

import math

import numpy as np

from moatlab.market.state.compiled import Rows, inlined, kernel

#: Log excess demand at which rents count as cleared.
TOLERANCE = 1e-12
#: Newton steps a round, halvings of a step, sweeps before each later round, rounds.
STEPS, HALVINGS, SWEEPS, ROUNDS = 50, 8, 10, 200
#: Largest change of a log rent at once, and the log of "nothing is wanted".
LARGEST, NOTHING = 5.0, 700.0
#: Sum of attractions below which they are computed again, to keep their digits.
SMALLEST = 1e-200


@inlined
def placed_anew(rate: float, gravity: float) -> float:
    """Share of a buyer's hours at a cloud of that data gravity that is placed again in a month: no more than all."""
    return min(1.0, rate * math.exp(-gravity)) if gravity != 0.0 else rate


@kernel
def settle_in(
    buyers: Rows, count: int, lag: Rows, affinity: Rows, capacity: Rows, gravity: Rows, rate: float, steepness: float
) -> None:
    """What does not change while rents are sought: hours that stay, into ``lag``, and the share placed again.

    ``lag`` and ``affinity`` [buyers, clouds], ``capacity`` and ``gravity`` [clouds].  Shares held at clouds that closed
    or became unreachable, and all shares of a newcomer, are placed again.
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
                leaving = placed_anew(rate, gravity[c])
                held = lag[b, c] / kept
                lag[b, c] = (1.0 - leaving) * held
                buyer.moving += leaving * held
        buyer.barrier = math.exp(-steepness * math.log(buyer.choke)) if buyer.inference > 0.0 else 0.0


@inlined
def place(
    b: int, moving: float, stay: Rows, affinity: Rows, logs: Rows, sharpness: float, powers: Rows, weights: Rows,
    fresh: Rows,
) -> None:  # fmt: skip
    """Shares w_bc of buyer b at the log rents and their powers r_c^-mu, and s_bc in ``fresh``; closed clouds get
    nothing.
    """
    n = powers.shape[0]
    total = 0.0
    for c in range(n):
        fresh[c] = affinity[b, c] * powers[c]
        total += fresh[c]
    if total < SMALLEST:
        # Rents beyond the range of their powers: measure them against the buyer's cheapest cloud.
        lowest = 1e300
        for c in range(n):
            if affinity[b, c] > 0.0:
                lowest = min(lowest, logs[c])
        total = 0.0
        for c in range(n):
            if affinity[b, c] > 0.0:
                fresh[c] = affinity[b, c] * math.exp(-sharpness * (logs[c] - lowest))
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
        steep[c] = math.exp(min(steepness * logs[c], NOTHING))
        elastic[c] = math.exp(-elasticity * (logs[c] - math.log(reference)))
        inverse[c] = math.exp(-logs[c])
        if with_jacobian:
            for d in range(n):
                jacobian[c, d] = 0.0
    for b in range(count):
        buyer = buyers[b]
        place(b, buyer.moving, stay, affinity, logs, sharpness, powers, weights, fresh)
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
def excess(wanted: float, capacity: float) -> float:
    """Log of hours wanted over capacity; a large negative number where nothing is wanted."""
    return math.log(wanted / capacity) if wanted > 0.0 else -NOTHING


@inlined
def violation(logs: Rows, floors: Rows, total: Rows, capacity: Rows, open_: Rows) -> float:
    """Largest violation of complementarity, in logs: excess demand, or slack above the reserve."""
    worst = 0.0
    for c in range(logs.shape[0]):
        if open_[c] == 1:
            gap = abs(min(logs[c] - floors[c], -excess(total[c], capacity[c])))
            if not gap <= worst:
                worst = gap
    return worst


@kernel
def clear(
    buyers: Rows, count: int, stay: Rows, affinity: Rows, capacity: Rows, reserve: Rows, rents: Rows, sharpness: float,
    steepness: float, elasticity: float, reference: float,
) -> tuple[int, float]:  # fmt: skip
    """Clear the market: ``rents`` [clouds], $ per GPU-hour, is the warm start and receives the solution.

    ``buyers``, ``stay`` and ``affinity`` [buyers, clouds] are as `settle_in` leaves them.
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
    base = np.empty(n)
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
    for round_ in range(ROUNDS):
        # Last month's rents are near; where Newton's method fails from them, sweeps that allow for the steepest demand
        # there is bring the rents closer.
        for _ in range(SWEEPS if round_ > 0 else 0):
            demand(logs, buyers, count, stay, affinity, sharpness, steepness, elasticity, reference, total,
                   jacobian, weights, fresh, powers, steep, elastic, inverse, False)  # fmt: skip
            iterations += 1
            for c in range(n):
                if open_[c] == 1:
                    change = excess(total[c], capacity[c]) / (max(steepness, 1.0) + sharpness)
                    logs[c] = max(floors[c], logs[c] + min(max(change, -LARGEST), LARGEST))
        demand(logs, buyers, count, stay, affinity, sharpness, steepness, elasticity, reference, total,
               jacobian, weights, fresh, powers, steep, elastic, inverse, True)  # fmt: skip
        iterations += 1
        worst = violation(logs, floors, total, capacity, open_)
        for _ in range(STEPS):
            if worst <= TOLERANCE:
                break
            for c in range(n):
                base[c] = logs[c]
                gap = excess(total[c], capacity[c]) if open_[c] == 1 else 0.0
                if open_[c] == 0 or logs[c] - floors[c] <= -gap:
                    for d in range(n):
                        jacobian[c, d] = 0.0
                    jacobian[c, c] = 1.0
                    step[c] = floors[c] - logs[c] if open_[c] == 1 else 0.0
                else:
                    for d in range(n):
                        jacobian[c, d] /= total[c]
                    step[c] = -gap
            if not solve_linear(jacobian, step):
                break
            before = worst
            part = 1.0
            for _ in range(HALVINGS):
                for c in range(n):
                    if open_[c] == 1:
                        change = min(max(step[c], -LARGEST), LARGEST)
                        logs[c] = max(floors[c], base[c] + part * change)
                demand(logs, buyers, count, stay, affinity, sharpness, steepness, elasticity, reference, total,
                       jacobian, weights, fresh, powers, steep, elastic, inverse, True)  # fmt: skip
                iterations += 1
                worst = violation(logs, floors, total, capacity, open_)
                if worst < before:
                    break
                part *= 0.5
            if not worst < before:
                break
        if worst <= TOLERANCE:
            break
    for c in range(n):
        if open_[c] == 1:
            # At the floor the rent is the reserve itself, without the rounding of a logarithm and back.
            rents[c] = math.exp(logs[c]) if logs[c] - floors[c] > TOLERANCE else reserve[c]
    return iterations, worst
