
/*
 * A publisher's stream goes on to its media server: nginx-rtmp's relay does
 * the sending, and this keeps it up for as long as the publisher lives.
 *
 *          start                    nginx-rtmp plays to it
 *    --> CONNECTING ------------------------------------> UP
 *          ^   | refused, closed, not up within           | closed
 *          |   | NGX_RTMP_KEYSTONE_RELAY_TIMEOUT          |
 *          |   v                                          |
 *          +- PAUSE <-------------------------------------+
 *
 * In CONNECTING and UP there is ctx->relay, in CONNECTING and PAUSE the timer
 * runs.  "push" of nginx-rtmp is no help: its targets are fixed, and a connect
 * that fails at once crashes it.
 */


#include "ngx_rtmp_keystone.h"
#include <ngx_rtmp_relay_module.h>


#define NGX_RTMP_KEYSTONE_RELAY_TIMEOUT    5000
#define NGX_RTMP_KEYSTONE_RELAY_MIN_PAUSE  1000
#define NGX_RTMP_KEYSTONE_RELAY_MAX_PAUSE  10000

/* what was up for so long begins again with the shortest pause */
#define NGX_RTMP_KEYSTONE_RELAY_STABLE     10000

/* how long sent bytes may wait for a server that is silent */
#define NGX_RTMP_KEYSTONE_RELAY_STALL      15000


static void ngx_rtmp_keystone_relay_connect(ngx_rtmp_keystone_ctx_t *ctx);
static void ngx_rtmp_keystone_relay_pause(ngx_rtmp_keystone_ctx_t *ctx);
static void ngx_rtmp_keystone_relay_timer(ngx_event_t *ev);


/* whose relay nginx-rtmp is making right now */
static ngx_rtmp_keystone_ctx_t  *ngx_rtmp_keystone_relaying;


/*
 * A connection that publishes again: nginx-rtmp has taken its context out of
 * a list, but would put it back with the link that it had then.
 */

void
ngx_rtmp_keystone_relay_init(ngx_rtmp_session_t *s)
{
    ngx_rtmp_relay_ctx_t  *rctx;

    rctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_relay_module);

    if (rctx && rctx->publish == NULL) {
        rctx->next = NULL;
    }
}


/* Called when the chain has let the publisher live. */

void
ngx_rtmp_keystone_relay_start(ngx_rtmp_keystone_ctx_t *ctx)
{
    ngx_rtmp_session_t            *s;
    ngx_rtmp_keystone_app_conf_t  *kacf;

    s = ctx->session;
    kacf = ngx_rtmp_get_module_app_conf(s, ngx_rtmp_keystone_module);

    if (!kacf->relay
        || ctx->action != KS_PUBLISH
        || ctx->state != NGX_RTMP_KEYSTONE_LIVE
        || s->connection->destroyed)
    {
        return;
    }

    ctx->relay_timer.data = ctx;
    ctx->relay_timer.handler = ngx_rtmp_keystone_relay_timer;
    ctx->relay_timer.log = s->connection->log;
    ctx->relay_timer.cancelable = 1;

    ctx->relay_up = 0;
    ctx->relay_pause = 0;

    ngx_rtmp_keystone_relay_connect(ctx);
}


static void
ngx_rtmp_keystone_relay_connect(ngx_rtmp_keystone_ctx_t *ctx)
{
    ks_rtmp_relay_t           relay;
    ngx_keystone_node_t      *node;
    ngx_rtmp_relay_target_t   target;

    node = NULL;

    if (ks_rtmp_relay(ctx->rtmp, &relay) == KS_OK) {
        node = ngx_keystone_node(&relay.node);
    }

    ctx->relay_node = node;

    if (node == NULL) {
        ngx_rtmp_keystone_relay_pause(ctx);
        return;
    }

    /* all of it is copied */

    ngx_memzero(&target, sizeof(ngx_rtmp_relay_target_t));

    target.url = node->rtmp;
    target.counter = node->turn++;
    target.tag = &ngx_rtmp_keystone_module;

    ngx_keystone_to_ngx(&target.app, &relay.app);
    ngx_keystone_to_ngx(&target.play_path, &relay.name);

    ngx_rtmp_keystone_relaying = ctx;

    (void) ngx_rtmp_relay_push(ctx->session, &ctx->node.str, &target);

    ngx_rtmp_keystone_relaying = NULL;

    /* one that was made and has failed will be closed, and says so then */

    if (ctx->relay == NULL) {
        ngx_rtmp_keystone_relay_pause(ctx);
        return;
    }

    ngx_add_timer(&ctx->relay_timer, NGX_RTMP_KEYSTONE_RELAY_TIMEOUT);
}


/* nginx-rtmp has a session for a connection that it makes itself. */

ngx_int_t
ngx_rtmp_keystone_relay_made(ngx_rtmp_session_t *s)
{
    ngx_connection_t         *c;
    ngx_rtmp_keystone_ctx_t  *ctx;

    if (ngx_rtmp_keystone_relaying == NULL) {
        return NGX_OK;
    }

    c = s->connection;

    ctx = ngx_rtmp_keystone_create_ctx(s);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->publisher = ngx_rtmp_keystone_relaying;
    ctx->publisher->relay = s;

    /* the log is this session's own; below notice the ticket would be in it */

    if (c->log->log_level > NGX_LOG_NOTICE) {
        c->log->log_level = NGX_LOG_NOTICE;
    }

    /* what plays to it here is no player: on_play is not asked about it */

    s->auto_pushed = 1;

#ifdef TCP_USER_TIMEOUT
    {
        int  timeout = NGX_RTMP_KEYSTONE_RELAY_STALL;

        if (setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
                       sizeof(int))
            == -1)
        {
            ngx_connection_error(c, ngx_socket_errno,
                                 "setsockopt(TCP_USER_TIMEOUT) failed");
        }
    }
#endif

    return ngx_tcp_nodelay(c);
}


/* The server has a stream for us, and nginx-rtmp begins to send. */

void
ngx_rtmp_keystone_relay_playing(ngx_rtmp_session_t *s)
{
    ngx_uint_t                level;
    ngx_rtmp_keystone_ctx_t  *ctx;

    ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_keystone_module);

    if (ctx == NULL || ctx->publisher == NULL) {
        return;
    }

    ctx = ctx->publisher;

    if (ctx->relay_timer.timer_set) {
        ngx_del_timer(&ctx->relay_timer);
    }

    level = ctx->relay_pause ? NGX_LOG_NOTICE : NGX_LOG_INFO;

    ngx_rtmp_keystone_log(ctx, level, "keystone: relay of \"%V\" to \"%V\"",
                          &ctx->node.str, &ctx->relay_node->name);

    ctx->relay_up = 1;
    ctx->relay_since = ngx_current_msec;
}


/* The session of a relay is gone. */

void
ngx_rtmp_keystone_relay_closed(ngx_rtmp_keystone_ctx_t *ctx)
{
    ctx->relay = NULL;

    if (ctx->relay_up
        && ngx_current_msec - ctx->relay_since
           >= NGX_RTMP_KEYSTONE_RELAY_STABLE)
    {
        ctx->relay_pause = 0;
    }

    ngx_rtmp_keystone_relay_pause(ctx);
}


static void
ngx_rtmp_keystone_relay_pause(ngx_rtmp_keystone_ctx_t *ctx)
{
    ngx_uint_t  level;
    ngx_msec_t  pause;

    level = ctx->relay_pause ? NGX_LOG_INFO : NGX_LOG_WARN;

    pause = ngx_max(ctx->relay_pause * 2, NGX_RTMP_KEYSTONE_RELAY_MIN_PAUSE);
    pause = ngx_min(pause, NGX_RTMP_KEYSTONE_RELAY_MAX_PAUSE);

    ctx->relay_pause = pause;

    /* not all of a server that comes back in one moment */

    pause = pause - pause / 4 + ngx_random() % (pause / 2);

    if (ctx->relay_node == NULL) {
        ngx_rtmp_keystone_log(ctx, level,
                              "keystone: no media server for \"%V\", "
                              "again in %M ms", &ctx->node.str, pause);

    } else {
        ngx_rtmp_keystone_log(ctx, level,
                              "keystone: relay of \"%V\" to \"%V\" %s, "
                              "again in %M ms", &ctx->node.str,
                              &ctx->relay_node->name,
                              ctx->relay_up ? "was closed by it" : "failed",
                              pause);
    }

    ctx->relay_up = 0;

    ngx_add_timer(&ctx->relay_timer, pause);
}


static void
ngx_rtmp_keystone_relay_timer(ngx_event_t *ev)
{
    ngx_rtmp_keystone_ctx_t  *ctx;

    ctx = ev->data;

    if (ctx->relay) {
        ngx_rtmp_finalize_session(ctx->relay);
        return;
    }

    ngx_rtmp_keystone_relay_connect(ctx);
}


/* The publisher goes; repeatable. */

void
ngx_rtmp_keystone_relay_stop(ngx_rtmp_keystone_ctx_t *ctx)
{
    ngx_rtmp_session_t       *s;
    ngx_rtmp_keystone_ctx_t  *rctx;

    if (ctx->relay_timer.timer_set) {
        ngx_del_timer(&ctx->relay_timer);
    }

    s = ctx->relay;

    if (s) {
        ctx->relay = NULL;

        rctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_keystone_module);
        rctx->publisher = NULL;

        ngx_rtmp_finalize_session(s);
    }
}
