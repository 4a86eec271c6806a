
/*
 * The states of a gated session; ngx_rtmp_keystone.h draws them.
 *
 * The core calls wake and kick out of ks_worker_run(), where nginx-rtmp's
 * chain must not run: both only post an event, which is handled in the same
 * turn of the loop.
 */


#include "ngx_rtmp_keystone.h"


static void ngx_rtmp_keystone_wake(void *cookie);
static void ngx_rtmp_keystone_kicked(void *cookie, ks_str_t reason);
static void ngx_rtmp_keystone_event_handler(ngx_event_t *ev);
static void ngx_rtmp_keystone_timer_handler(ngx_event_t *ev);
static void ngx_rtmp_keystone_resume(ngx_rtmp_keystone_ctx_t *ctx);
static void ngx_rtmp_keystone_cleanup(void *data);


/* whoever holds a ks_rtmp_t in this worker */
static ngx_queue_t  ngx_rtmp_keystone_sessions;


void
ngx_rtmp_keystone_init_sessions(void)
{
    ngx_queue_init(&ngx_rtmp_keystone_sessions);
}


void
ngx_rtmp_keystone_end_sessions(void)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&ngx_rtmp_keystone_sessions)) {
        q = ngx_queue_head(&ngx_rtmp_keystone_sessions);
        ngx_rtmp_keystone_end(ngx_queue_data(q, ngx_rtmp_keystone_ctx_t,
                                             queue));
    }
}


ngx_rtmp_keystone_ctx_t *
ngx_rtmp_keystone_create_ctx(ngx_rtmp_session_t *s)
{
    ngx_connection_t         *c;
    ngx_pool_cleanup_t       *cln;
    ngx_rtmp_keystone_ctx_t  *ctx;

    c = s->connection;

    ctx = ngx_pcalloc(c->pool, sizeof(ngx_rtmp_keystone_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    /*
     * close_stream comes before the pool goes, unless a disconnect handler
     * of another module fails first
     */

    cln = ngx_pool_cleanup_add(c->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_rtmp_keystone_cleanup;
    cln->data = ctx;

    ctx->session = s;
    ctx->log_level = c->log->log_level;

    ctx->timer.data = c;
    ctx->timer.handler = ngx_rtmp_keystone_timer_handler;
    ctx->timer.log = c->log;

    ctx->event.data = c;
    ctx->event.handler = ngx_rtmp_keystone_event_handler;
    ctx->event.log = c->log;

    ngx_rtmp_set_ctx(s, ctx, ngx_rtmp_keystone_module);

    return ctx;
}


/*
 * NGX_OK     passed: call ngx_rtmp_keystone_passed()
 * NGX_AGAIN  keep the command in ctx->command, the answer comes by an event
 * NGX_DONE   refused, the client knows
 */

ngx_int_t
ngx_rtmp_keystone_ask(ngx_rtmp_session_t *s, int action, u_char *name,
    u_char *args)
{
    int                            rc;
    ks_worker_t                   *worker;
    ks_rtmp_request_t              rq;
    ngx_rtmp_keystone_ctx_t       *ctx;
    ngx_rtmp_keystone_app_conf_t  *kacf;

    kacf = ngx_rtmp_get_module_app_conf(s, ngx_rtmp_keystone_module);

    if (kacf == NULL) {
        return NGX_ERROR;
    }

    ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_keystone_module);

    if (ctx == NULL) {
        ctx = ngx_rtmp_keystone_create_ctx(s);
        if (ctx == NULL) {
            return NGX_ERROR;
        }
    }

    switch (ctx->state) {

    case NGX_RTMP_KEYSTONE_IDLE:
        break;

    case NGX_RTMP_KEYSTONE_CLOSING:
        return NGX_ERROR;

    default:
        ngx_rtmp_keystone_log(ctx, NGX_LOG_INFO,
                              "keystone: second command refused");

        return ngx_rtmp_send_status(s, action == KS_PUBLISH
                                           ? "NetStream.Publish.BadName"
                                           : "NetStream.Play.Failed",
                                    "error", "This connection is in use, "
                                    "open another for a second stream")
               == NGX_ERROR ? NGX_ERROR : NGX_DONE;
    }

    ctx->action = action;

    worker = ngx_keystone_worker();
    if (worker == NULL) {
        ngx_rtmp_keystone_refuse_text(ctx, "The server is not ready, "
                                           "try again in a moment");
        return NGX_DONE;
    }

    ngx_memzero(&rq, sizeof(ks_rtmp_request_t));

    rq.size = sizeof(ks_rtmp_request_t);
    rq.action = action;
    rq.relay = kacf->relay;

    rq.name.data = (char *) name;
    rq.name.len = ngx_strlen(name);
    rq.args.data = (char *) args;
    rq.args.len = ngx_strlen(args);

    ngx_keystone_to_ks(&rq.app, &s->app);
    ngx_keystone_to_ks(&rq.client_ip, &s->connection->addr_text);
    ngx_keystone_to_ks(&rq.user_agent, &s->flashver);

    rc = ks_rtmp_start(worker, &rq, ngx_rtmp_keystone_wake,
                       ngx_rtmp_keystone_kicked, ctx, &ctx->rtmp);

    if (rc == KS_ERROR) {
        ctx->rtmp = NULL;
        ngx_rtmp_keystone_refuse_text(ctx, "The server is out of memory, "
                                           "try again in a moment");
        return NGX_DONE;
    }

    ngx_queue_insert_tail(&ngx_rtmp_keystone_sessions, &ctx->queue);

    switch (rc) {

    case KS_PASS:
        return NGX_OK;

    case KS_AGAIN:
        break;

    default:
        ngx_rtmp_keystone_refuse(ctx, NULL, NULL);
        return NGX_DONE;
    }

    if (ctx->command == NULL) {
        ctx->command = ngx_palloc(s->connection->pool,
                                  sizeof(ngx_rtmp_keystone_command_t));
        if (ctx->command == NULL) {
            ngx_rtmp_keystone_end(ctx);
            return NGX_ERROR;
        }
    }

    ctx->state = NGX_RTMP_KEYSTONE_WAITING;
    ctx->in_seen = s->in_bytes;

    /* holds a draining worker: the client gets its answer */

    ctx->timer.cancelable = 0;
    ngx_add_timer(&ctx->timer, kacf->timeout);

    return NGX_AGAIN;
}


/* The client goes live under the public name, which is written to `name`. */

ngx_int_t
ngx_rtmp_keystone_admit(ngx_rtmp_keystone_ctx_t *ctx,
    u_char name[NGX_RTMP_MAX_NAME])
{
    ngx_str_t              stream, session;
    const ks_rtmp_pass_t  *pass;

    pass = ks_rtmp_pass(ctx->rtmp);

    ngx_keystone_to_ngx(&stream, &pass->stream);
    ngx_keystone_to_ngx(&session, &pass->session);

    if (stream.len == 0 || stream.len >= NGX_RTMP_MAX_NAME) {
        ngx_log_error(NGX_LOG_ERR, ctx->session->connection->log, 0,
                      "keystone: the core gave a stream name of %uz bytes",
                      stream.len);
        return NGX_ERROR;
    }

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    if (ctx->action == KS_PUBLISH) {

        /* the string belongs to ctx->rtmp, which goes after the name */

        ngx_rtmp_keystone_take_name(ctx, &stream);
        ctx->published = 1;
    }

    *ngx_cpymem(name, stream.data, stream.len) = '\0';

    ctx->state = NGX_RTMP_KEYSTONE_LIVE;

    ngx_rtmp_keystone_log(ctx, NGX_LOG_INFO,
                          "keystone: %s \"%V\", session \"%V\"",
                          ctx->action == KS_PUBLISH ? "publish" : "play",
                          &stream, &session);

    return NGX_OK;
}


/* Gives back all that the question or the live session holds; repeatable. */

void
ngx_rtmp_keystone_end(ngx_rtmp_keystone_ctx_t *ctx)
{
    ks_rtmp_t  *rtmp;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    if (ctx->event.posted) {
        ngx_delete_posted_event(&ctx->event);
    }

    ngx_rtmp_keystone_relay_stop(ctx);
    ngx_rtmp_keystone_drop_name(ctx);

    rtmp = ctx->rtmp;

    if (rtmp) {
        if (ctx->state == NGX_RTMP_KEYSTONE_LIVE && ctx->media) {
            ngx_rtmp_keystone_media_report(ctx);
        }

        ctx->rtmp = NULL;
        ngx_queue_remove(&ctx->queue);
        ks_rtmp_free(rtmp);
    }

    ctx->state = NGX_RTMP_KEYSTONE_IDLE;
    ctx->kicked = 0;
    ctx->media = 0;
}


static void
ngx_rtmp_keystone_wake(void *cookie)
{
    ngx_rtmp_keystone_ctx_t  *ctx = cookie;

    ngx_post_event(&ctx->event, &ngx_posted_events);
}


static void
ngx_rtmp_keystone_kicked(void *cookie, ks_str_t reason)
{
    size_t                    len;
    ngx_rtmp_keystone_ctx_t  *ctx = cookie;

    len = ngx_min(reason.len, sizeof(ctx->reason) - 1);
    *ngx_cpymem(ctx->reason, reason.data, len) = '\0';
    ctx->kicked = 1;

    ngx_post_event(&ctx->event, &ngx_posted_events);
}


static void
ngx_rtmp_keystone_event_handler(ngx_event_t *ev)
{
    ngx_connection_t         *c;
    ngx_rtmp_keystone_ctx_t  *ctx;

    c = ev->data;

    if (c->destroyed) {
        return;
    }

    ctx = ngx_rtmp_get_module_ctx((ngx_rtmp_session_t *) c->data,
                                  ngx_rtmp_keystone_module);

    switch (ctx->state) {

    case NGX_RTMP_KEYSTONE_WAITING:

        /* passed and kicked in one turn: it does not go live at all */

        if (ctx->kicked) {
            ngx_rtmp_keystone_refuse_text(ctx,
                                      ngx_rtmp_keystone_reason(ctx->reason));
            break;
        }

        ngx_rtmp_keystone_resume(ctx);
        break;

    case NGX_RTMP_KEYSTONE_LIVE:
        if (ctx->kicked) {
            ngx_rtmp_keystone_kick(ctx, ctx->reason);
        }

        break;

    default:
        break;
    }
}


static void
ngx_rtmp_keystone_timer_handler(ngx_event_t *ev)
{
    ngx_connection_t         *c;
    ngx_rtmp_session_t       *s;
    ngx_rtmp_keystone_ctx_t  *ctx;

    c = ev->data;
    s = c->data;

    if (c->destroyed) {
        return;
    }

    ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_keystone_module);

    switch (ctx->state) {

    case NGX_RTMP_KEYSTONE_WAITING:
        ngx_log_error(NGX_LOG_WARN, c->log, 0,
                      "keystone: no decision within \"keystone_timeout\"");
        ngx_rtmp_keystone_refuse_text(ctx, "The server could not decide in "
                                           "time, try again in a moment");
        break;

    case NGX_RTMP_KEYSTONE_LIVE:
        ngx_add_timer(ev, NGX_RTMP_KEYSTONE_REPORT);
        ngx_rtmp_keystone_media_tick(ctx);
        break;

    default:
        ngx_rtmp_finalize_session(s);
        break;
    }
}


static void
ngx_rtmp_keystone_resume(ngx_rtmp_keystone_ctx_t *ctx)
{
    switch (ks_rtmp_state(ctx->rtmp)) {

    case KS_AGAIN:
        return;

    case KS_PASS:
        if (ngx_rtmp_keystone_passed(ctx, ctx->command) != NGX_OK) {
            ngx_rtmp_finalize_session(ctx->session);
        }

        return;

    default:
        ngx_rtmp_keystone_refuse(ctx, NULL, NULL);
        return;
    }
}


static void
ngx_rtmp_keystone_cleanup(void *data)
{
    ngx_rtmp_keystone_ctx_t *ctx = data;

    ngx_rtmp_keystone_end(ctx);

    if (ctx->publisher) {
        ngx_rtmp_keystone_relay_closed(ctx->publisher);
    }
}
