/* The month's loops over apps in plain C, for benchmarks/in_c.py.
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

/* Exponential and logarithm that loops turn into vector instructions: see moatlab/rules/elementary.py. */

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

static inline double log_above(double x) {
    uint64_t bits = bits_of(x), exponent = (bits + 0x3FF0000000000000 - 0x3FE6A09E667F3BCD) >> 52;
    double k = number_of(exponent | 0x4330000000000000) - (4503599627370496.0 + 1023.0);
    double f = number_of(bits + 0x3FF0000000000000 - (exponent << 52)) - 1.0;
    double s = f / (2.0 + f), z = s * s, w = z * z;
    double even = w * (3.999999999940941908e-1 + w * (2.222219843214978396e-1 + w * 1.531383769920937332e-1));
    double odd = 2.857142874366239149e-1 + w * (1.818357216161805012e-1 + w * 1.479819860511658591e-1);
    odd = z * (6.666666666666735130e-1 + w * odd);
    double half = 0.5 * f * f;
    return k * LN2 - ((half - (s * (half + even + odd) + k * LN2_REST)) - f);
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
    if (app->service != 1.0) value += shared->users_outage_taste * log(larger(app->service, 1e-3));
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

static inline bool has_special_price(const App *app) { return app->owner >= 0 || app->deal > 0; }

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
    double *logits = malloc((size_t)(m->n_live * width) * sizeof(double));
    for (int64_t i = 0; i < m->n_live; i++) {
        int64_t row = m->live[i];
        const App *app = &m->apps[row];
        const User *user = &m->users[app->category];
        const double *now = &m->routing[row * m->routing_width];
        const double *points_here = &points[app->category * count], *common_here = &common[app->category * count];
        const uint8_t *sellers = &m->sellers[row * m->sellers_width], *sold_here = &sold[app->category * count];
        double *wanted = &logits[i * width];
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
    for (int64_t i = 0; i < m->n_live * width; i++) logits[i] = exp_below(logits[i]);
    double held[labs + m->n_hosts], mine[count], paid[count], listed[count], pull[count];
    double demand = 0.0, tastes = 0.0;
    for (int64_t o = 0; o < count; o++) listed[o] = pull[o] = 0.0;
    for (int64_t i = 0; i < m->n_live; i++) {
        int64_t row = m->live[i];
        const App *app = &m->apps[row];
        const User *user = &m->users[app->category];
        const double *now = &m->routing[row * m->routing_width];
        double *wanted = &m->next_routing[row * m->next_routing_width];
        double *aims = &logits[i * width];
        double weight = weights[app->category], total = 0.0;
        for (int64_t o = 0; o < width; o++) total += aims[o];
        if (total <= 0.0) {
            for (int64_t o = 0; o < width; o++) aims[o] = now[o];
            total = 1.0;
        }
        double scale = 1.0 / total;
        for (int64_t o = 0; o < width; o++) {
            double aim = scale * aims[o], moved = now[o] + speed * (aim - now[o]);
            wanted[o] = (aim < SMALLEST_SHARE) & (moved < SMALLEST_SHARE) ? 0.0 : moved;
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

/* Prices ----------------------------------------------------------------------------------------------------------- */

static inline double quota_wanted(const App *app, const User *user, double token_cost, double eta) {
    double quota = app->token_worth / (user->price_taste * app->price_taste_factor * larger(token_cost, 1e-12));
    return eta == 1.0 ? quota : pow(quota, eta);
}

static inline double fritsch(double w, double log_z) {
    double gap = log_z - log_above(w) - w;
    double q = 2.0 * (1.0 + w) * (1.0 + w + 2.0 / 3.0 * gap);
    return w + w * gap * (q - gap) / ((1.0 + w) * (q - 2.0 * gap));
}

static inline double lambert(double log_z) {
    double z = exp_below(smaller(log_z, -log_z)), estimate = larger(log_z, 0.0) + log_above(1.0 + z);
    double w = larger(estimate * (1.0 - log_above(1.0 + estimate) / (2.0 + estimate)), 1e-300);
    w = fritsch(fritsch(w, log_z), log_z);
    return log_z > -18.0 ? w : z * (1.0 - z);
}

static inline double hazard(const App *app, const User *user) {
    double customers = app->tourists + app->committed;
    if (customers > 0.0)
        return (user->hazard_tourist * app->tourists + user->hazard_committed * app->committed) / customers;
    return user->hazard_committed;
}

static inline double reconsidering(double monthly, double months) {
    return larger(1.0 - exp_below(months * log_above(larger(1.0 - monthly, 1e-300))), 1e-6);
}

static inline double logit_markup(double level, double share, double moved) {
    double known = smaller(larger(share, 1e-300), 1.0), odds = known / larger(1.0 - known, 1e-300);
    return 1.0 / moved + lambert(log_above(odds / moved) + level - 1.0 / moved);
}

static inline int64_t company_of(const App *app) {
    if (app->company != 0) return app->company;
    return app->owner >= 0 ? -1 - app->owner : 0;
}

static double diverted_margin(const Market *m, const App *app) {
    int64_t company = company_of(app);
    double value = 0.0;
    for (int64_t i = 0; i < m->n_live; i++) {
        const App *other = &m->apps[m->live[i]];
        if (other->category == app->category && other->identity != app->identity && company_of(other) == company) {
            double cost = other->quota * other->token_cost / (1.0 - m->shared->apps_variable_cost);
            value += other->choice_share * (other->price - cost);
        }
    }
    double response = 1.0 - app->choice_share;
    return response > 0.0 ? value / response : 0.0;
}

static inline double token_price_wanted(const App *app, const User *user, const Shared *shared, double price) {
    double cost = app->token_cost / (1.0 - shared->apps_variable_cost);
    if (app->price_rule == MARKUP) return cost * (1.0 + app->markup);
    double scale = user->taste_scale / (user->price_taste * app->price_taste_factor);
    double leaving = reconsidering(hazard(app, user), shared->apps_planning_horizon) * (1.0 - app->choice_share) / scale;
    double eta = shared->users_usage_elasticity;
    double elasticity = eta + leaving * price * quota_wanted(app, user, price, eta);
    double excess = elasticity - 1.0 - leaving * app->diverted;
    double highest = cost / (1.0 - LERNER_CEILING);
    return excess > 0.0 ? smaller(cost * elasticity / excess, highest) : highest;
}

void decide_app_prices(const Market *m) {
    const Shared *shared = m->shared;
    double speed = shared->apps_price_speed, eta = shared->users_usage_elasticity, months = shared->apps_planning_horizon;
    int64_t n = m->n_live;
    double costs[n], scales[n], markups[n], shares[n], hazards[n], quotas[n];
    for (int64_t i = 0; i < n; i++) {
        App *app = &m->apps[m->live[i]];
        const User *user = &m->users[app->category];
        double quota = quota_wanted(app, user, app->token_cost, eta);
        app->diverted = company_of(app) != 0 ? diverted_margin(m, app) : 0.0;
        app->next_quota = quota;
        costs[i] = app->quota * app->token_cost / (1.0 - shared->apps_variable_cost) + app->diverted;
        scales[i] = user->taste_scale / (user->price_taste * app->price_taste_factor);
        markups[i] = app->price - costs[i];
        shares[i] = app->choice_share;
        hazards[i] = hazard(app, user);
        quotas[i] = app->quota > 0.0 && quota > 0.0 ? quota / app->quota : 1.0;
    }
    for (int64_t i = 0; i < n; i++) {
        markups[i] = scales[i] * logit_markup(markups[i] / scales[i], shares[i], reconsidering(hazards[i], months));
        quotas[i] = exp_below(speed * log_above(quotas[i]));
    }
    for (int64_t i = 0; i < n; i++) {
        App *app = &m->apps[m->live[i]];
        const User *user = &m->users[app->category];
        if (app->plan == METERED && app->price_rule != BUNDLED) {
            double price = app->token_price > 0.0 ? app->token_price : app->price / larger(app->quota, 1e-12);
            if (app->price_rule != FROZEN) price += speed * (token_price_wanted(app, user, shared, price) - price);
            app->next_token_price = price;
            app->next_quota = quota_wanted(app, user, price, eta);
            app->next_price = price * app->next_quota;
            continue;
        }
        double price = app->price, wanted = costs[i] + markups[i];
        if (app->price_rule == MARKUP) wanted = (costs[i] - app->diverted) * (1.0 + app->markup);
        if (app->price_rule == BUNDLED) price = 0.0;
        else if (app->price_rule != FROZEN) price += speed * (wanted - price);
        app->next_token_price = 0.0;
        app->next_price = price;
        if (app->quota > 0.0 && app->next_quota > 0.0) app->next_quota = app->quota * quotas[i];
    }
}

/* Settlement ------------------------------------------------------------------------------------------------------- */

typedef struct {
    Posting *next, *end;
    int32_t month;
} Journal;

static inline void note(Journal *journal, int32_t kind, int64_t payer, int64_t payee, double amount) {
    if (amount == 0.0 || journal->next >= journal->end) return;
    *journal->next++ = (Posting){
        .month = journal->month, .kind = kind, .payer = (int32_t)payer, .payee = (int32_t)payee, .amount = amount};
}

static void pay(const Market *m, Journal *journal, int32_t kind, int64_t payer, int64_t payee, double amount) {
    if (amount == 0.0) return;
    m->cash[payer] -= amount;
    m->cash[payee] += amount;
    m->totals[kind] += amount;
    note(journal, kind, payer, payee, amount);
}

void settle_apps(const Market *m) {
    const Shared *shared = m->shared;
    Offer *offers = m->offers;
    Lab *labs = m->labs;
    Host *hosts = m->hosts;
    double *totals = m->totals;
    int64_t count = m->n_offers, last = m->n_totals - 1;
    Journal journal = {m->book + (int64_t)totals[last], m->book + m->n_book, (int32_t)m->now->month};
    double sold = 0.0, fees_paid = 0.0, marketing_paid = 0.0, rnd_paid = 0.0, overhead_paid = 0.0;
    double own_tokens = 0.0, tokens_served = 0.0;
    for (int64_t l = 0; l < m->n_labs; l++) {
        labs[l].revenue = 0.0;
        labs[l].api_revenue = 0.0;
        labs[l].data *= 1.0 - shared->labs_data_decay;
    }
    for (int64_t h = 0; h < m->n_hosts; h++) hosts[h].revenue = 0.0;
    for (int64_t o = 0; o < count; o++)
        offers[o].service = offers[o].seller_kind == 0 ? labs[offers[o].seller].service : hosts[offers[o].seller].service;
    for (int64_t i = 0; i < m->n_live; i++) {
        int64_t row = m->live[i];
        App *app = &m->apps[row];
        int64_t account = app->account;
        bool special = has_special_price(app);
        const double *shares = &m->routing[row * m->routing_width];
        double service = app->own_model == 1 ? shares[count] * app->own_service : 0.0;
        double inference = 0.0, api_spend = 0.0;
        own_tokens += service * app->tokens;
        for (int64_t o = 0; o < count; o++) {
            double share = shares[o];
            if (share <= 0.0) continue;
            const Offer *offer = &offers[o];
            double tokens = app->tokens * share * offer->service;
            double amount = tokens * (special ? offer_price(app, offer, shared) : offer->price);
            service += share * offer->service;
            inference += amount;
            if (offer->seller_kind == 0) {
                Lab *lab = &labs[offer->seller];
                lab->revenue += amount;
                lab->data += tokens;
                if (app->owner == offer->seller) {
                    totals[TRANSFER] += amount;
                    note(&journal, TRANSFER, account, lab->account, amount);
                } else {
                    lab->api_revenue += amount;
                    api_spend += amount;
                    totals[API] += amount;
                    note(&journal, API, account, lab->account, amount);
                }
            } else {
                Host *host = &hosts[offer->seller];
                host->revenue += amount;
                totals[HOSTED_INFERENCE] += amount;
                note(&journal, HOSTED_INFERENCE, account, host->account, amount);
            }
        }
        service = smaller(service, 1.0);
        tokens_served += app->tokens * service;
        double customers = app->tourists + app->committed;
        double revenue = app->price * customers * (1.0 - shared->users_refund_share * (1.0 - service));
        double agreement = 0.0;
        if (app->own_model == 1 && app->base > 0 && labs[app->base - 1].alive == 1) {
            Lab *maker = &labs[app->base - 1];
            agreement = maker->enterprise_fee;
            maker->revenue += agreement;
            totals[ENTERPRISE_AGREEMENT] += agreement;
            note(&journal, ENTERPRISE_AGREEMENT, account, maker->account, agreement);
        }
        double fees = shared->apps_variable_cost * revenue;
        double overhead = shared->apps_overhead + (app->own_model == 1 ? shared->apps_team_cost : 0.0);
        double marketing = app->marketing, rnd = app->rnd, gross_profit = revenue - fees - inference;
        note(&journal, SUBSCRIPTION, USERS, account, revenue);
        note(&journal, APP_VARIABLE_COST, account, SUPPLIERS, fees);
        note(&journal, MARKETING, account, SUPPLIERS, marketing);
        note(&journal, APP_RND, account, SUPPLIERS, rnd);
        note(&journal, APP_OVERHEAD, account, SUPPLIERS, overhead);
        sold += revenue;
        fees_paid += fees;
        marketing_paid += marketing;
        rnd_paid += rnd;
        overhead_paid += overhead;
        app->service = service;
        app->inference = inference;
        app->api_spend = api_spend;
        app->last_revenue = app->revenue;
        app->revenue = revenue;
        app->gross_profit = gross_profit;
        m->cash[account] += gross_profit - marketing - rnd - overhead - agreement;
        app->outlay += SMOOTHING * (overhead + agreement + rnd + marketing - app->outlay);
        app->data = app->data * (1.0 - shared->apps_data_decay) + app->tokens * service;
    }
    m->now->own_tokens = own_tokens;
    m->now->tokens_served = tokens_served;
    totals[SUBSCRIPTION] += sold;
    totals[APP_VARIABLE_COST] += fees_paid;
    totals[MARKETING] += marketing_paid;
    totals[APP_RND] += rnd_paid;
    totals[APP_OVERHEAD] += overhead_paid;
    m->cash[USERS] -= sold;
    m->cash[SUPPLIERS] += fees_paid + marketing_paid + rnd_paid + overhead_paid;
    for (int64_t l = 0; l < m->n_labs; l++) m->cash[labs[l].account] += labs[l].revenue;
    for (int64_t h = 0; h < m->n_hosts; h++) m->cash[hosts[h].account] += hosts[h].revenue;
    for (int64_t h = 0; h < m->n_hosts; h++) {
        hosts[h].gross_profit = hosts[h].revenue;
        if (hosts[h].alive == 1) pay(m, &journal, HOST_STAFF, hosts[h].account, SUPPLIERS, hosts[h].staff);
    }
    for (int64_t o = 0; o < count; o++) {
        const Offer *offer = &offers[o];
        if (offer->seller_kind != 1) continue;
        Host *host = &hosts[offer->seller];
        Lab *lab = &labs[offer->lab];
        double amount = shared->hosts_licence_share * offer->tokens * offer->service * offer->price;
        if (lab->alive == 1 && lab->hosting_agreement == 1 && amount > 0.0) {
            pay(m, &journal, LICENCE, host->account, lab->account, amount);
            lab->revenue += amount;
            host->gross_profit -= amount;
        }
    }
    totals[last] = (double)(journal.next - m->book);
}

/* Spending, stocks, what follows from routing ---------------------------------------------------------------------- */

void decide_spending(const Market *m) {
    const Shared *shared = m->shared;
    for (int64_t i = 0; i < m->n_live; i++) {
        App *app = &m->apps[m->live[i]];
        double overhead = shared->apps_overhead + (app->own_model == 1 ? shared->apps_team_cost : 0.0);
        double budget = larger(0.0, app->gross_profit - overhead)
                        + larger(0.0, m->cash[app->account]) / shared->apps_spending_horizon;
        bool bundled = app->price_rule == BUNDLED;
        app->next_rnd = bundled ? app->rnd : shared->apps_rnd_share * budget;
        app->next_marketing = bundled ? app->marketing : shared->apps_marketing_share * budget;
        if (app->revenue > 0.0 && app->last_revenue > 0.0) {
            double change = log(app->revenue / app->last_revenue);
            app->growth += SMOOTHING * (smaller(larger(change, -1.0), 1.0) - app->growth);
        }
    }
}

static inline double uniform(uint64_t seed, uint64_t purpose, uint64_t month, uint64_t identity) {
    uint32_t c0 = (uint32_t)purpose, c1 = (uint32_t)month, c2 = (uint32_t)identity, c3 = (uint32_t)(identity >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53 * c0, p1 = (uint64_t)0xCD9E8D57 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9;
        k1 += 0xBB67AE85;
    }
    uint64_t bits = (((uint64_t)c0 << 21) ^ (c1 >> 11)) & 0x1FFFFFFFFFFFFF;
    return ((double)bits + 0.5) * 1.1102230246251565e-16;
}

/* The first of the coefficients is that of the highest power. */
static inline double polynomial(const double coefficients[8], double r) {
    double value = coefficients[0];
    for (int i = 1; i < 8; i++) value = value * r + coefficients[i];
    return value;
}

static inline double normal_quantile(double p) {
    static const double above_middle[8] = {
        2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
        13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608};
    static const double below_middle[8] = {
        5226.495278852545925, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
        5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0};
    static const double above_side[8] = {
        7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
        3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734};
    static const double below_side[8] = {
        1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
        0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0};
    static const double above_tail[8] = {
        2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
        0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772};
    static const double below_tail[8] = {
        2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
        0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0};
    double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        double r = 0.180625 - q * q;
        return q * polynomial(above_middle, r) / polynomial(below_middle, r);
    }
    double r = sqrt(-log(smaller(p, 1.0 - p)));
    if (r <= 5.0) return copysign(polynomial(above_side, r - 1.6) / polynomial(below_side, r - 1.6), q);
    return copysign(polynomial(above_tail, r - 5.0) / polynomial(below_tail, r - 5.0), q);
}

void commit_apps(const Market *m) {
    const Shared *shared = m->shared;
    Now *now = m->now;
    int64_t count = m->n_offers;
    double keep = 1.0 - (1.0 - exp(-log(2.0) / shared->apps_brand_half_life));
    double shock = shared->apps_brand_spread * sqrt(1.0 - keep * keep);
    double scales[m->n_users];
    for (int64_t k = 0; k < m->n_users; k++) {
        const User *user = &m->users[k];
        double open_share = user->potential > 0.0 ? 1.0 - user->customers / user->potential : 1.0;
        scales[k] = shared->apps_awareness_scale;
        if (shared->apps_acquisition_saturation > 0.0)
            scales[k] *= pow(larger(open_share, 0.01), -shared->apps_acquisition_saturation);
    }
    double *drawn = malloc((size_t)m->n_live * sizeof(double));
    int64_t *identities = malloc((size_t)m->n_live * sizeof(int64_t));
    for (int64_t i = 0; i < m->n_live; i++) identities[i] = m->apps[m->live[i]].identity;
    for (int64_t i = 0; i < m->n_live; i++)
        drawn[i] = uniform((uint64_t)now->seed, BRAND_SHOCK, (uint64_t)now->month, (uint64_t)identities[i]);
    now->graduations = 0.0;
    now->returns = 0.0;
    for (int64_t i = 0; i < m->n_live; i++) {
        int64_t row = m->live[i];
        App *app = &m->apps[row];
        double *routing = &m->routing[row * m->routing_width];
        double *next_routing = &m->next_routing[row * m->next_routing_width];
        double gap = larger(0.0, m->users[app->category].best_feature - app->feature);
        double feature = (1.0 - shared->apps_obsolescence) * app->feature + shared->apps_imitation * gap;
        double brand = keep * app->brand;
        double awareness = (1.0 - shared->apps_awareness_decay) * app->awareness;
        if (shock > 0.0)
            brand += shock * normal_quantile(drawn[i]);
        app->feature = feature + shared->apps_feature_gain * log(1.0 + app->rnd / shared->apps_feature_scale);
        app->brand = brand;
        app->awareness = awareness + shared->apps_awareness_gain * log(1.0 + app->marketing / scales[app->category]);
        app->price = app->next_price;
        app->token_price = app->next_token_price;
        app->quota = app->next_quota;
        app->rnd = app->next_rnd;
        app->marketing = app->next_marketing;
        app->own_capability = app->next_own_capability;
        app->own_hours = app->next_own_hours;
        app->own_budget = app->next_own_budget;
        app->deal = app->next_deal;
        app->deal_share = app->next_deal_share;
        app->base = app->next_base;
        if (app->next_own == 1 && app->own_model == 0) {
            app->own_model = 1;
            app->own_service = 1.0;
            now->graduations += 1.0;
            for (int64_t o = 0; o < count; o++) next_routing[o] *= 1.0 - shared->apps_routing_speed;
            next_routing[count] = shared->apps_routing_speed;
        } else if (app->next_own == -1) {
            app->own_model = 0;
            now->returns += 1.0;
            next_routing[count] = 0.0;
        }
        app->next_own = 0;
        for (int64_t o = 0; o <= count; o++) {
            double carried = routing[o];
            routing[o] = next_routing[o];
            next_routing[o] = carried;
        }
    }
    free(drawn);
    free(identities);
}

static inline double own_hours_per_token(double training_hours, double tokens, const Shared *shared, const Now *now) {
    double size = pow(training_hours / shared->labs_reference_hours, shared->labs_serving_exponent);
    double hours = shared->labs_serving_hours * size * exp(-now->efficiency) * (1.0 + shared->apps_own_overhead);
    if (tokens > 0.0 && shared->apps_own_idle > 0.0) hours *= 1.0 + sqrt(shared->apps_own_idle / (hours * tokens));
    return hours;
}

static inline double quota_worth(const App *app, const User *user, double eta) {
    double worth = app->token_worth;
    if (worth <= 0.0 || app->quota <= 0.0) return 0.0;
    double common = user->usage_value * (user->first_log_cost - user->log_cost);
    double usual = quota_wanted(app, user, user->mean_cost, eta);
    if (eta == 1.0) return common + worth * log(app->quota / usual);
    double power = 1.0 - 1.0 / eta;
    return common + worth * (pow(app->quota, power) - pow(usual, power)) / power;
}

void refresh_apps(const Market *m) {
    const Shared *shared = m->shared;
    User *users = m->users;
    int64_t count = m->n_offers;
    for (int64_t k = 0; k < m->n_users; k++) {
        users[k].best_feature = -1e300;
        users[k].mean_feature = users[k].mean_data = users[k].log_cost = users[k].firms = 0.0;
    }
    for (int64_t i = 0; i < m->n_live; i++) {
        int64_t row = m->live[i];
        App *app = &m->apps[row];
        User *user = &users[app->category];
        const double *shares = &m->routing[row * m->routing_width];
        const double *grades = &m->grades[app->category];
        bool special = has_special_price(app);
        double capability = 0.0, cost = 0.0, total = 0.0;
        if (special)
            for (int64_t o = 0; o < count; o++) cost += shares[o] * offer_price(app, &m->offers[o], shared);
        else
            for (int64_t o = 0; o < count; o++) cost += shares[o] * m->offers[o].price;
        for (int64_t o = 0; o < count; o++) {
            capability += shares[o] * grades[o * m->grades_width];
            total += shares[o];
        }
        if (app->own_model == 1) {
            app->own_unit_cost = own_hours_per_token(app->own_hours, app->tokens, shared, m->now) * m->now->expected_rent;
            capability += shares[count] * app->own_capability;
            cost += shares[count] * app->own_unit_cost;
            total += shares[count];
        }
        if (total > 0.0) {
            app->capability = capability / total;
            app->token_cost = cost / total;
        } else if (app->token_cost <= 0.0) {
            for (int64_t o = 0; o < count; o++) app->token_cost = larger(app->token_cost, m->offers[o].price);
        }
        app->nest = -1;
        app->token_worth = user->usage_value * app->usage_factor
                           * exp(log(10.0) * shared->users_usage_growth * app->capability);
        app->unit_cost = app->quota * app->token_cost + shared->apps_variable_cost * app->price;
        user->best_feature = larger(user->best_feature, app->feature);
        user->mean_feature += app->feature;
        user->mean_data += app->data;
        user->log_cost += log(larger(app->token_cost, 1e-12));
        user->firms += 1.0;
    }
    for (int64_t k = 0; k < m->n_users; k++) {
        User *user = &users[k];
        if (user->firms > 0.0) {
            user->mean_feature /= user->firms;
            user->mean_data /= user->firms;
            user->log_cost /= user->firms;
        } else {
            user->best_feature = 0.0;
            user->log_cost = user->first_log_cost;
        }
        user->mean_cost = exp(user->log_cost);
    }
    for (int64_t i = 0; i < m->n_live; i++) {
        App *app = &m->apps[m->live[i]];
        app->use_value = quota_worth(app, &users[app->category], shared->users_usage_elasticity);
    }
}
