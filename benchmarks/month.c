/* Three of the month's rules in plain C, for benchmarks/in_c.py: a choice, a flow along routing, a decision.
 *
 * Each function does what the compiled rule of the same name does, on the same arrays.  What rows hold (App, User, ...),
 * the Market that lists the arrays and their lengths, and the constants come from layout.h, which in_c.py writes from
 * the rules' own declarations.  Categories whose nests are correlated are left out: in_c.py sees that there are none.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "layout.h"

static inline double larger(double a, double b) { return a > b ? a : b; }
static inline double smaller(double a, double b) { return a < b ? a : b; }

void nothing() {}

/* An exponential that loops turn into vector instructions: see moatlab/market/rules/elementary.py. */

static inline uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double number_of(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static const double LN2 = 6.93147180369123816490e-1, LN2_REST = 1.90821492927058770002e-10;

static inline double exp_below(double x) {
    double shifted = x * 1.4426950408889634 + 6755399441055744.0, k = shifted - 6755399441055744.0;
    double r = (x - k * LN2) - k * LN2_REST, rr = r * r;
    double odd = r * ((1.26177193074810590878e-4 * rr + 3.02994407707441961300e-2) * rr + 1.0);
    double even = (3.00198505138664455042e-6 * rr + 2.52448340349684104192e-3) * rr + 2.27265548208155028766e-1;
    even = even * rr + 2.0;
    double power = number_of((bits_of(shifted) << 52) + 0x3FF0000000000000);
    return x > -700.0 ? power * (1.0 + 2.0 * odd / (even - odd)) : 0.0;
}

/* Users ------------------------------------------------------------------------------------------------------------ */

static inline double relative_data(double stock, double mean) {
    return mean > 0.0 ? LOG10_E * log((stock + mean + 1e-9) / (2.0 * mean + 1e-9)) : 0.0;
}

static inline double utility(const App *app, const User *user, const Shared *shared) {
    double alpha = user->price_taste * app->price_taste_factor;
    double share = user->customers > 0.0 ? (app->tourists + app->committed) / user->customers : 0.0;
    double quality = user->ai_centrality * app->capability + (1.0 - user->ai_centrality) * app->feature;
    double value = user->quality_taste * quality + shared->apps_data_taste * relative_data(app->data, user->mean_data);
    value += app->brand + user->network_taste * share + app->use_value - alpha * app->price;
    if (app->service != 1.0) value += shared->users_outage_taste * log(larger(app->service, shared->users_service_floor));
    return value / user->taste_scale;
}

static void fit_potential(const Market *m) {
    bool shrunk = false;
    for (int64_t k = 0; k < m->n_users; k++) {
        User *user = &m->users[k];
        user->potential = user->market_size * exp(user->market_growth * m->now->month);
        shrunk = shrunk || user->customers > user->potential;
    }
    if (!shrunk) return;
    for (int64_t i = 0; i < m->n_live; i++) {
        App *app = &m->apps[m->live[i]];
        const User *user = &m->users[app->category];
        if (user->customers > user->potential) {
            app->tourists *= user->potential / user->customers;
            app->committed *= user->potential / user->customers;
        }
    }
    for (int64_t k = 0; k < m->n_users; k++) {
        User *user = &m->users[k];
        if (user->customers > user->potential) {
            user->tourists *= user->potential / user->customers;
            user->customers = user->potential;
        }
    }
}

void choose(const Market *m) {
    User *users = m->users;
    App *apps = m->apps;
    const int64_t *live = m->live, count = m->n_live;
    const Shared *shared = m->shared;
    const Now *now = m->now;
    double hype = exp(shared->users_hype_weight * now->hype);
    double utilities[count], unheard[count], unbound[count], stay[count], freed[count];
    double outside[m->n_users], best[m->n_users];
    fit_potential(m);
    for (int64_t k = 0; k < m->n_users; k++) {
        User *user = &users[k];
        double progress = user->quality_taste * user->ai_centrality * (now->frontier - now->first_frontier);
        progress += user->usage_value * (user->first_log_cost - user->log_cost);
        outside[k] = (shared->users_outside_value + shared->users_outside_catchup * progress) / user->taste_scale;
        best[k] = outside[k] >= NO_OPTION ? outside[k] : -INFINITY;
        user->inclusive = 0.0;
        user->crowd = 0.0;
    }
    for (int64_t i = 0; i < count; i++) {
        const App *app = &apps[live[i]];
        const User *user = &users[app->category];
        utilities[i] = utility(app, user, shared);
        unheard[i] = -(app->awareness + app->distribution);
        unbound[i] = -((user->switching_cost + app->depth) / user->taste_scale);
    }
    for (int64_t i = 0; i < count; i++) unheard[i] = exp_below(unheard[i]);
    for (int64_t i = 0; i < count; i++) unbound[i] = exp_below(unbound[i]);
    for (int64_t i = 0; i < count; i++) {
        int64_t k = apps[live[i]].category;
        if (unheard[i] < 1.0) best[k] = larger(best[k], utilities[i]);
    }
    for (int64_t k = 0; k < m->n_users; k++)
        users[k].outside = outside[k] >= NO_OPTION ? exp(outside[k] - best[k]) : 0.0;
    for (int64_t i = 0; i < count; i++) utilities[i] -= best[apps[live[i]].category];
    for (int64_t i = 0; i < count; i++) utilities[i] = exp_below(utilities[i]);
    for (int64_t i = 0; i < count; i++) {
        App *app = &apps[live[i]];
        User *user = &users[app->category];
        double heard = 1.0 - unheard[i], attraction = heard > 0.0 ? heard * utilities[i] : 0.0;
        app->attraction = attraction < ABSENT ? 0.0 : attraction;
        user->inclusive += app->attraction;
        user->crowd += heard;
    }
    for (int64_t k = 0; k < m->n_users; k++) {
        User *user = &users[k];
        user->dilution = pow(1.0 + user->crowd, -shared->users_crowding);
        user->inclusive *= user->dilution;
        double rate = user->adoption_p * hype;
        if (user->potential > 0.0) rate += user->adoption_q * user->customers / user->potential;
        user->considering = larger(0.0, user->potential - user->customers) * smaller(1.0, rate);
        double age = exp(-log(2.0) * now->month / user->tourist_half_life);
        user->tourist_odds = smaller(1.0, user->tourist_share * age * hype);
        double everything = user->outside + user->inclusive;
        user->new_users = user->inclusive > 0.0 ? user->considering * user->inclusive / everything : 0.0;
        user->consumer_surplus = 0.0;
        if (user->inclusive > 0.0) {
            double lead = best[k] - (outside[k] >= NO_OPTION ? outside[k] : 0.0), ratio = user->inclusive / user->outside;
            double value = user->outside > ABSENT ? log1p(ratio) * (1.0 + ratio) / ratio : log(user->inclusive) + lead;
            user->consumer_surplus = value * user->taste_scale / user->price_taste;
        }
        user->flow_tourists = user->flow_committed = user->customers = user->tourists = 0.0;
        user->joined = user->joined_tourists = user->left_tourists = user->left_committed = 0.0;
    }
    for (int64_t i = 0; i < count; i++) {
        App *app = &apps[live[i]];
        User *user = &users[app->category];
        double held = app->attraction * user->dilution, everything = user->outside + user->inclusive;
        double loose = held > 0.0 ? unbound[i] : 1.0, below = larger(0.0, everything - held) * loose + held;
        app->attraction = held;
        stay[i] = below > 0.0 ? smaller(1.0, held / below) : 0.0;
        freed[i] = below > 0.0 ? loose / below : 0.0;
        user->flow_tourists += user->hazard_tourist * app->tourists * freed[i];
        user->flow_committed += user->hazard_committed * app->committed * freed[i];
    }
    for (int64_t i = 0; i < count; i++) {
        App *app = &apps[live[i]];
        User *user = &users[app->category];
        double everything = user->outside + user->inclusive;
        double attraction = app->attraction;
        double share = everything > 0.0 ? attraction / everything : 0.0;
        double weigh_tourists = user->hazard_tourist * app->tourists;
        double weigh_committed = user->hazard_committed * app->committed;
        double new = user->considering * share;
        double left_tourists = weigh_tourists * (1.0 - stay[i]);
        double left_committed = weigh_committed * (1.0 - stay[i]);
        double joined_tourists = attraction * (user->flow_tourists - weigh_tourists * freed[i]);
        double joined_committed = attraction * (user->flow_committed - weigh_committed * freed[i]);
        joined_tourists = larger(0.0, joined_tourists + new * user->tourist_odds);
        joined_committed = larger(0.0, joined_committed + new * (1.0 - user->tourist_odds));
        double tourists = larger(0.0, app->tourists - left_tourists + joined_tourists);
        double committed = larger(0.0, app->committed - left_committed + joined_committed);
        double joined = joined_tourists + joined_committed;
        double customers = tourists + committed;
        app->choice_share = share;
        app->tourists = tourists;
        app->committed = committed;
        app->joined = joined;
        app->left = left_tourists + left_committed;
        if (user->depth_gain > 0.0 || app->depth > 0.0) {
            double stayed = customers > 0.0 ? larger(0.0, customers - joined) / customers : 0.0;
            double kept = stayed * (1.0 - user->portability);
            app->depth = kept * app->depth + stayed * user->depth_gain;
            app->depth_fading = 1.0 - kept;
        }
        user->customers += customers;
        user->tourists += tourists;
        user->joined += joined;
        user->joined_tourists += joined_tourists;
        user->left_tourists += left_tourists;
        user->left_committed += left_committed;
    }
    for (int64_t k = 0; k < m->n_users; k++) {
        users[k].left = users[k].left_tourists + users[k].left_committed;
        users[k].consumer_surplus *= users[k].customers;
    }
}

/* Sources ---------------------------------------------------------------------------------------------------------- */

static inline bool sold_to(const Offer *offer, int64_t owner, int64_t category) {
    if (offer->open == OPEN) return true;
    if (offer->open == CLOSED) return false;
    if (owner == offer->seller) return true;
    return offer->open == NOT_TO_RIVALS && ((offer->rivals >> (category % RIVAL_BITS)) & 1) == 0;
}

static inline bool reachable(const App *app, const Offer *offer, const uint8_t *sellers, int64_t labs) {
    return sellers[offer->seller + labs * offer->seller_kind] != 0 && sold_to(offer, app->owner, app->category);
}

static inline bool pays_list_price(const App *app, const Offer *offer) {
    return offer->seller_kind == 1 || (offer->seller != app->owner && offer->seller + 1 != app->deal);
}

static inline double offer_price(const App *app, const Offer *offer, const Shared *shared) {
    if (pays_list_price(app, offer)) return offer->price;
    double share = offer->seller == app->owner ? shared->labs_transfer_price : app->deal_share;
    return offer->unit_cost + share * (offer->price - offer->unit_cost);
}

/* The column of each offer's seller among the edges, and whether apps that no lab owns are sold it, by category. */
static void see_offers(const Market *m, int64_t *column, uint8_t *sold) {
    for (int64_t o = 0; o < m->n_offers; o++) {
        column[o] = m->offers[o].seller + m->n_labs * m->offers[o].seller_kind;
        for (int64_t k = 0; k < m->grades_width; k++) sold[k * m->n_offers + o] = sold_to(&m->offers[o], -1, k);
    }
}

void carry_tokens(const Market *m) {
    Offer *offers = m->offers;
    int64_t count = m->n_offers, column[count];
    uint8_t sold[m->grades_width * count];
    double carried[count];
    see_offers(m, column, sold);
    for (int64_t o = 0; o < count; o++) carried[o] = 0.0;
    for (int64_t i = 0; i < m->n_live; i++) {
        int64_t row = m->live[i];
        App *app = &m->apps[row];
        double *shares = &m->routing[row * m->routing_width];
        const uint8_t *sellers = &m->sellers[row * m->sellers_width], *sold_here = &sold[app->category * count];
        double tokens = (app->tourists + app->committed) * app->quota;
        double own = app->own_model == 1 ? shares[count] : 0.0, total = own;
        double inside = shares[app->owner > 0 ? app->owner : 0];
        app->tokens = tokens;
        for (int64_t o = 0; o < count; o++) shares[o] = sellers[column[o]] & sold_here[o] ? shares[o] : 0.0;
        if (app->owner >= 0 && reachable(app, &offers[app->owner], sellers, m->n_labs)) shares[app->owner] = inside;
        for (int64_t o = 0; o < count; o++) total += shares[o];
        if (total > 0.0) {
            double scale = 1.0 / total;
            for (int64_t o = 0; o < count; o++) shares[o] *= scale;
            shares[count] = own * scale;
        } else if (app->own_model == 1) {
            shares[count] = 1.0;
        } else {
            int64_t reached = 0;
            for (int64_t o = 0; o < count; o++) reached += reachable(app, &offers[o], sellers, m->n_labs);
            for (int64_t o = 0; o < count; o++)
                shares[o] = reachable(app, &offers[o], sellers, m->n_labs) ? 1.0 / reached : 0.0;
        }
        for (int64_t o = 0; o < count; o++) carried[o] += shares[o] * tokens;
    }
    for (int64_t o = 0; o < count; o++) offers[o].tokens = carried[o];
    for (int64_t l = 0; l < m->n_labs; l++) m->labs[l].tokens = 0.0;
    for (int64_t h = 0; h < m->n_hosts; h++) m->hosts[h].tokens = 0.0;
    for (int64_t o = 0; o < count; o++) {
        if (offers[o].seller_kind == 0) m->labs[offers[o].seller].tokens += offers[o].tokens;
        else m->hosts[offers[o].seller].tokens += offers[o].tokens;
    }
}

static inline double token_taste(const App *app, const User *user, double eta) {
    if (eta == 1.0) return app->token_worth;
    return pow(app->token_worth, eta) * pow(user->price_taste * app->price_taste_factor, 1.0 - eta);
}

static inline double worth_of_price(double price, double eta) {
    price = larger(price, LEAST_PRICE);
    return eta == 1.0 ? -log(price) : pow(price, 1.0 - eta) / (eta - 1.0);
}

/* Mean semi-elasticity over a seller's offers, or `before` where nobody pays its list price and none is typical. */
static double sell_elasticity(const Market *m, int64_t kind, int64_t index, double typical, double before) {
    double pull = 0.0, tokens = 0.0;
    for (int64_t o = 0; o < m->n_offers; o++) {
        const Offer *offer = &m->offers[o];
        if (offer->seller_kind == kind && offer->seller == index) {
            pull += offer->pull;
            tokens += offer->listed;
        }
    }
    if (tokens > 0.0 && pull > 0.0) return pull / tokens;
    return typical > 0.0 ? typical : before;
}

void decide_routing(const Market *m) {
    Offer *offers = m->offers;
    const Shared *shared = m->shared;
    int64_t count = m->n_offers, labs = m->n_labs;
    double rho = shared->apps_routing_sharpness, inertia = shared->apps_routing_inertia;
    double speed = shared->apps_routing_speed, eta = shared->users_usage_elasticity;
    double smallest = shared->apps_smallest_share;
    double developers = shared->labs_ecosystem_taste * (1.0 - shared->labs_portability);
    int64_t column[count], width = count + 1;
    uint8_t sold[m->n_users * count];
    double price[count], slope[count], bonus[count], weights[m->n_users];
    double points[m->n_users * count], common[m->n_users * count];
    see_offers(m, column, sold);
    for (int64_t o = 0; o < count; o++) {
        const Offer *offer = &offers[o];
        price[o] = offer->price;
        slope[o] = pow(larger(offer->price, LEAST_PRICE), -eta);
        bonus[o] = offer->seller_kind == 0 ? developers * m->labs[offer->seller].ecosystem
                                           : shared->hosts_hub_taste * m->hosts[offer->seller].hub;
    }
    for (int64_t k = 0; k < m->n_users; k++)
        weights[k] = rho * pow(m->users[k].usage_value, eta) * pow(m->users[k].price_taste, 1.0 - eta);
    for (int64_t o = 0; o < count; o++) {
        double worth = worth_of_price(price[o], eta);
        for (int64_t k = 0; k < m->n_users; k++) {
            points[k * count + o] = m->grades[o * m->grades_width + k];
            common[k * count + o] = weights[k] * worth + bonus[o];
        }
    }
    double held[labs + m->n_hosts], mine[count], paid[count], listed[count], pull[count];
    double demand = 0.0, tastes = 0.0;
    for (int64_t o = 0; o < count; o++) listed[o] = pull[o] = 0.0;
    double *logits = malloc((size_t)(AT_ONCE * width) * sizeof(double));
    for (int64_t first = 0; first < m->n_live; first += AT_ONCE) {
        int64_t last = first + AT_ONCE < m->n_live ? first + AT_ONCE : m->n_live;
        for (int64_t i = first; i < last; i++) {
            int64_t row = m->live[i];
            const App *app = &m->apps[row];
            const User *user = &m->users[app->category];
            const double *now = &m->routing[row * m->routing_width];
            const double *points_here = &points[app->category * count], *common_here = &common[app->category * count];
            const uint8_t *sellers = &m->sellers[row * m->sellers_width], *sold_here = &sold[app->category * count];
            double *wanted = &logits[(i - first) * width];
            double weight = weights[app->category];
            double quality = rho * user->quality_taste * user->ai_centrality;
            if (weight > 0.0) quality = user->quality_taste * user->ai_centrality * weight / token_taste(app, user, eta);
            for (int64_t o = 0; o < count; o++) {
                double value = quality * points_here[o] + common_here[o] + inertia * now[o];
                wanted[o] = sellers[column[o]] & sold_here[o] ? value : NEVER;
            }
            int64_t special[2] = {app->owner, app->deal - 1};
            for (int j = 0; j < 2; j++) {
                int64_t o = special[j];
                if (o < 0) continue;
                wanted[o] = NEVER;
                if (reachable(app, &offers[o], sellers, labs)) {
                    double value = worth_of_price(offer_price(app, &offers[o], shared), eta);
                    wanted[o] = quality * points_here[o] + weight * value + bonus[o] + inertia * now[o];
                }
            }
            wanted[count] = NEVER;
            if (app->own_model == 1) {
                double value = worth_of_price(app->own_unit_cost, eta);
                wanted[count] = quality * app->own_capability + weight * value + inertia * now[count];
            }
            double best = HARDLY;
            for (int64_t o = 0; o < width; o++) best = larger(best, wanted[o]);
            for (int64_t o = 0; o < width; o++) wanted[o] -= best;
        }
        for (int64_t i = 0; i < (last - first) * width; i++) logits[i] = exp_below(logits[i]);
        for (int64_t i = first; i < last; i++) {
            int64_t row = m->live[i];
            const App *app = &m->apps[row];
            const User *user = &m->users[app->category];
            const double *now = &m->routing[row * m->routing_width];
            double *wanted = &m->next_routing[row * m->next_routing_width];
            double *aims = &logits[(i - first) * width];
            double weight = weights[app->category], total = 0.0;
            for (int64_t o = 0; o < width; o++) total += aims[o];
            if (total <= 0.0) {
                for (int64_t o = 0; o < width; o++) aims[o] = now[o];
                total = 1.0;
            }
            double scale = 1.0 / total;
            for (int64_t o = 0; o < width; o++) {
                double aim = scale * aims[o], moved = now[o] + speed * (aim - now[o]);
                wanted[o] = (aim < smallest) & (moved < smallest) ? 0.0 : moved;
            }
            if (app->owner < 0) {
                demand += app->tokens;
                tastes += app->tokens * weight;
            }
            double cost = larger(app->token_cost, 1e-12), quotas = eta / cost;
            double customers = user->price_taste * app->price_taste_factor * app->quota * (1.0 - app->choice_share)
                               / user->taste_scale;
            for (int64_t o = 0; o < count; o++) {
                mine[o] = now[o];
                paid[o] = app->tokens * now[o];
            }
            for (int64_t o = labs; o < count; o++) held[column[o]] = 0.0;
            for (int64_t o = labs; o < count; o++) held[column[o]] += now[o];
            for (int64_t o = labs; o < count; o++) mine[o] = held[column[o]];
            if (app->owner >= 0) paid[app->owner] = 0.0;
            if (app->deal > 0) paid[app->deal - 1] = 0.0;
            for (int64_t o = 0; o < count; o++) {
                double away = weight * slope[o], kept = 1.0 - away * (price[o] - cost);
                listed[o] += paid[o];
                pull[o] += paid[o] * (away * (1.0 - mine[o]) + mine[o] * (quotas * kept + customers));
            }
        }
    }
    free(logits);
    for (int64_t o = 0; o < count; o++) {
        offers[o].listed = listed[o];
        offers[o].pull = pull[o];
    }
    double typical = demand > 0.0 ? tastes / demand : 0.0;
    for (int64_t l = 0; l < labs; l++) {
        Lab *lab = &m->labs[l];
        lab->semi_elasticity =
            sell_elasticity(m, 0, l, typical * pow(larger(lab->price, LEAST_PRICE), -eta), lab->semi_elasticity);
    }
    for (int64_t h = 0; h < m->n_hosts; h++) {
        Host *host = &m->hosts[h];
        host->semi_elasticity =
            sell_elasticity(m, 1, h, typical * pow(larger(host->price, LEAST_PRICE), -eta), host->semi_elasticity);
    }
}
