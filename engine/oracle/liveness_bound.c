/* engine/oracle/liveness_bound.c: the bound B of ATTACKS.md 9.2, item 3, from the configuration alone.
 *
 *   step  = Delta + fsync + app                      one message with what its sender does before it
 *   need  = 11 step + T_batch + T_fetch + 5/4 T_status   VIEW-CHANGE, NEW-VIEW, request, three phases, reply, two for a
 *                                                    missing batch, two for a STATUS round (jitter +25 %)
 *   T_i   = T0 * 2^min(i, backoff_max)
 *   k*    = least i with T_i >= need, at most backoff_max
 *   k0    = most doublings that fit before GST (sum of T_0..T_(k0-1) <= GST): timers running at GST may be that long
 *   k     = max(k*, k0)
 *   B     = sum_{i=0}^{k+f} T_i + T0 + (k+f+1)(Delta + 5/4 T_status) + need + T_lag + (f+1) T_fetch + 16 T_client
 *
 * Beyond the formula of ATTACKS.md it grants k0, a T_req of its own (T0), a state transfer with f bad sources, and a client
 * whose doubling retransmission timer had reached its cap of 16 T_client at GST. */
#include "engine/oracle/oracle_private.h"

#define STEPS 11u
#define CLIENT_BACKOFF_CAP 16u

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}
static uint64_t multiply(uint64_t a, uint64_t b)
{
    return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}
static uint64_t timeout(const struct nika_config *c, uint32_t i)
{
    uint32_t doublings = i < c->backoff_max ? i : c->backoff_max;
    return multiply(c->request_ns, (uint64_t)1 << (doublings < 63 ? doublings : 63));
}

/* STATUS goes out this often at least (jitter +25 %). */
static uint64_t status_period(const struct nika_config *c)
{
    return add(c->status_ns, c->status_ns / 4);
}

static uint64_t need_of(const struct nika_oracle_setup *setup)
{
    const struct nika_config *c = setup->config;
    uint64_t step = add(setup->delay_bound_ns, add(setup->fsync_bound_ns, setup->app_bound_ns));
    return add(multiply(step, STEPS), add(add(c->batch_ns, c->fetch_ns), status_period(c)));
}

bool nika_liveness_cap_suffices(const struct nika_oracle_setup *setup)
{
    return timeout(setup->config, setup->config->backoff_max) >= need_of(setup);
}

uint32_t nika_liveness_doublings(const struct nika_oracle_setup *setup)
{
    const struct nika_config *c = setup->config;
    uint64_t need = need_of(setup);
    uint32_t k = 0;
    while (k < c->backoff_max && timeout(c, k) < need) k++;
    return k;
}

uint64_t nika_liveness_period(const struct nika_oracle_setup *setup, uint32_t backoff)
{
    const struct nika_config *c = setup->config;
    uint64_t client = multiply(c->client_ns, CLIENT_BACKOFF_CAP);
    uint64_t rest = add(add(status_period(c), c->fetch_ns), add(c->lag_ns, c->retransmit_ns));
    uint64_t view = timeout(c, backoff);
    return add(add(view > client ? view : client, rest), need_of(setup));
}

uint64_t nika_liveness_bound(const struct nika_oracle_setup *setup)
{
    const struct nika_config *c = setup->config;
    uint64_t status = status_period(c), need = need_of(setup);
    uint32_t k = nika_liveness_doublings(setup);
    uint32_t before_gst = 0;
    uint64_t spent = timeout(c, 0);
    while (before_gst < c->backoff_max && spent <= setup->gst_ns) {
        before_gst++;
        spent = add(spent, timeout(c, before_gst));
    }
    if (before_gst > k) k = before_gst;
    uint64_t bound = c->request_ns;
    for (uint32_t i = 0; i <= k + c->f; i++) bound = add(bound, timeout(c, i));
    bound = add(bound, multiply(k + c->f + 1, add(setup->delay_bound_ns, status)));
    bound = add(bound, add(need, c->lag_ns));
    bound = add(bound, multiply(c->fetch_ns, c->f + 1));
    return add(bound, multiply(c->client_ns, CLIENT_BACKOFF_CAP));
}
