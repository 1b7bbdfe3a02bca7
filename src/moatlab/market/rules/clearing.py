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
until they do, with damped sweeps where they fail.  Where demand is nearly a step, all these may stall; then each
cloud's rent is sought by bisection, the others' given, from the reserves up, which rises to the solution as clouds are
gross substitutes.  No rent goes beyond `HIGHEST`: what is wanted even there, or within a rounding of a step, is
rationed in proportion.
"""

from __future__ import annotations

import math

import numpy as np

from moatlab.market.state.compiled import Rows, inlined, kernel

#: Log excess demand at which rents count as cleared.
TOLERANCE = 1e-12
#: Newton steps a round, halvings of a step, sweeps before each later round, rounds; rounds of bisections.
STEPS, HALVINGS, SWEEPS, ROUNDS, BISECTIONS = 50, 8, 10, 20, 100
#: Log of the highest rent, a million dollars an hour.
HIGHEST = math.log(1e6)
#: Largest change of a log rent at once, and the log of "nothing is wanted".
LARGEST, NOTHING = 5.0, 700.0
#: Sum of attractions below which they are computed again, to keep their digits.
SMALLEST = 1e-200


@inlined
def placed_again(rate: float, gravity: float) -> float:
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
                leaving = placed_again(rate, gravity[c])
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
def demand(logs: Rows, side: Rows, work: Rows, with_jacobian: bool) -> None:
    """Hours demanded of each cloud at log rents ``logs``, and their derivatives in the log rents.

    ``side`` is who demands and how, ``work`` the arrays of `clear` that are filled: total, Jacobian, and so on.
    """
    buyers, count, stay, affinity, sharpness, steepness, elasticity, reference = side
    total, jacobian, weights, fresh, powers, steep, elastic, inverse = work
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
def ceiling(floor: float) -> float:
    """The log of a cloud's highest rent, given that of its reserve."""
    return max(HIGHEST, floor)


@inlined
def bounded(log: float, floor: float) -> float:
    """A log rent between the reserve and the highest rent."""
    return max(floor, min(log, ceiling(floor)))


@inlined
def violation(logs: Rows, floors: Rows, total: Rows, capacity: Rows, open_: Rows) -> float:
    """Largest violation of complementarity, in logs: excess demand below the highest rent, slack above the reserve."""
    worst = 0.0
    for c in range(logs.shape[0]):
        if open_[c] == 1:
            short = excess(total[c], capacity[c])
            if logs[c] >= ceiling(floors[c]) and short > 0.0:
                continue
            gap = abs(min(logs[c] - floors[c], -short))
            if not gap <= worst:
                worst = gap
    return worst


@inlined
def sweep(logs: Rows, floors: Rows, capacity: Rows, open_: Rows, side: Rows, work: Rows) -> None:
    """Each rent a step towards where the hours wanted of its cloud alone would fit, were demand at its steepest."""
    demand(logs, side, work, False)
    total, sharpness, steepness = work[0], side[4], side[5]
    for c in range(logs.shape[0]):
        if open_[c] == 1:
            change = excess(total[c], capacity[c]) / (max(steepness, 1.0) + sharpness)
            logs[c] = bounded(logs[c] + min(max(change, -LARGEST), LARGEST), floors[c])


@inlined
def newton(
    logs: Rows, floors: Rows, capacity: Rows, open_: Rows, side: Rows, work: Rows, base: Rows, step: Rows
) -> tuple[int, float]:
    """Semismooth Newton steps from ``logs`` on, as long as they lower the violation: how many, and what is left."""
    n = logs.shape[0]
    total, jacobian = work[0], work[1]
    demand(logs, side, work, True)
    taken = 1
    worst = violation(logs, floors, total, capacity, open_)
    for _ in range(STEPS):
        if worst <= TOLERANCE:
            break
        for c in range(n):
            base[c] = logs[c]
            gap = excess(total[c], capacity[c]) if open_[c] == 1 else 0.0
            highest = logs[c] >= ceiling(floors[c]) and gap > 0.0
            if open_[c] == 0 or highest or logs[c] - floors[c] <= -gap:
                for d in range(n):
                    jacobian[c, d] = 0.0
                jacobian[c, c] = 1.0
                step[c] = floors[c] - logs[c] if open_[c] == 1 and not highest else 0.0
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
                    logs[c] = bounded(base[c] + part * change, floors[c])
            demand(logs, side, work, True)
            taken += 1
            worst = violation(logs, floors, total, capacity, open_)
            if worst < before:
                break
            part *= 0.5
        if not worst < before:
            break
    return taken, worst


@inlined
def rise(logs: Rows, floors: Rows, capacity: Rows, open_: Rows, side: Rows, work: Rows) -> tuple[int, float]:
    """Rents from the reserves up, each by bisection to where its cloud's hours fit, others' given, until none moves.

    As clouds are gross substitutes, no rent overshoots.  A rounding is left on the side of too much demand.
    Returns the steps taken and the violation that is left.
    """
    total = work[0]
    taken = 0
    worst = 0.0
    for c in range(logs.shape[0]):
        logs[c] = floors[c]
    for _ in range(BISECTIONS):
        moved = 0.0
        for c in range(logs.shape[0]):
            low, high = logs[c], ceiling(floors[c])
            before = low
            demand(logs, side, work, False)
            wanted = open_[c] == 1 and excess(total[c], capacity[c]) > 0.0
            while wanted:
                logs[c] = 0.5 * (low + high)
                if logs[c] <= low or logs[c] >= high:
                    break
                demand(logs, side, work, False)
                taken += 1
                if excess(total[c], capacity[c]) > 0.0:
                    low = logs[c]
                else:
                    high = logs[c]
            if wanted:
                logs[c] = low if high < ceiling(floors[c]) else high
            moved = max(moved, logs[c] - before)
        demand(logs, side, work, False)
        worst = violation(logs, floors, total, capacity, open_)
        if moved == 0.0 or worst <= TOLERANCE:
            break
    return taken, worst


@kernel
def clear(
    buyers: Rows, count: int, stay: Rows, affinity: Rows, capacity: Rows, reserve: Rows, rents: Rows, sharpness: float,
    steepness: float, elasticity: float, reference: float, rationed: Rows,
) -> tuple[int, float]:  # fmt: skip
    """Clear the market: ``rents`` [clouds], $ per GPU-hour, is the warm start and receives the solution.

    ``buyers``, ``stay`` and ``affinity`` [buyers, clouds] are as `settle_in` leaves them.
    ``capacity`` in Mh, ``reserve`` in $ per GPU-hour, both [clouds]; a cloud without capacity is closed and keeps its
    rent.  Writes into ``rationed`` [clouds] the share of the hours wanted that there are, 1 where the rent clears.
    Returns the iterations (sweeps, steps of Newton's method and of bisections) and the largest violation that is left,
    which beyond `TOLERANCE` is rationed; not-a-number where demand is none.
    """
    n = capacity.shape[0]
    logs = np.empty(n)
    floors = np.empty(n)
    open_ = np.empty(n, np.int64)
    total = np.empty(n)
    step = np.empty(n)
    base = np.empty(n)
    work = (
        total, np.empty((n, n)), np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n),
    )  # fmt: skip
    side = (buyers, count, stay, affinity, sharpness, steepness, elasticity, reference)
    for c in range(n):
        open_[c] = 1 if capacity[c] > 0.0 else 0
        floors[c] = math.log(reserve[c])
        logs[c] = bounded(math.log(max(rents[c], 1e-12)), floors[c])
    iterations = 0
    worst = 1.0
    for round_ in range(ROUNDS):
        # Last month's rents are near; where Newton's method fails from them, sweeps bring them closer.
        if round_ > 0:
            for _ in range(SWEEPS):
                sweep(logs, floors, capacity, open_, side, work)
            iterations += SWEEPS
        taken, worst = newton(logs, floors, capacity, open_, side, work, base, step)
        iterations += taken
        if worst <= TOLERANCE:
            break
    if worst > TOLERANCE:
        taken, worst = rise(logs, floors, capacity, open_, side, work)
        iterations += taken
    for c in range(n):
        short = excess(total[c], capacity[c]) if open_[c] == 1 else 0.0
        rationed[c] = math.exp(-short) if short > TOLERANCE else 1.0
        if open_[c] == 1:
            # At the floor the rent is the reserve itself, without the rounding of a logarithm and back.
            rents[c] = math.exp(logs[c]) if logs[c] - floors[c] > TOLERANCE else reserve[c]
    return iterations, worst
