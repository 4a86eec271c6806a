
/*
 * The life of a request of ours: context, suspension, wake-up, end.
 */


#include <ngx_http_keystone.h>


static ngx_http_keystone_ctx_t *ngx_http_keystone_find_ctx(
    ngx_http_request_t *r);
static void ngx_http_keystone_leave(void *data);
static void ngx_http_keystone_cleanup(void *data);


static ngx_queue_t  ngx_http_keystone_all;


void
ngx_http_keystone_init_requests(void)
{
    ngx_queue_init(&ngx_http_keystone_all);
}


/* TERM: the process ends with requests open, and the core before their pools */

void
ngx_http_keystone_free_all(void)
{
    ngx_queue_t              *q;
    ngx_http_keystone_ctx_t  *ctx;

    while (!ngx_queue_empty(&ngx_http_keystone_all)) {
        q = ngx_queue_head(&ngx_http_keystone_all);
        ctx = ngx_queue_data(q, ngx_http_keystone_ctx_t, queue);

        ngx_http_keystone_cleanup(ctx);
    }
}


ngx_http_keystone_ctx_t *
ngx_http_keystone_get_ctx(ngx_http_request_t *r)
{
    ngx_http_keystone_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keystone_module);

    if (ctx == NULL && (r->internal || r->filter_finalize)) {
        ctx = ngx_http_keystone_find_ctx(r);
    }

    return ctx;
}


/* the newest one: cleanups are put at the head of the list */

static ngx_http_keystone_ctx_t *
ngx_http_keystone_find_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_keystone_ctx_t  *ctx;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler != ngx_http_keystone_cleanup) {
            continue;
        }

        ctx = cln->data;

        if (ctx->request == r) {
            ngx_http_set_ctx(r, ctx, ngx_http_keystone_module);
            return ctx;
        }
    }

    return NULL;
}


ngx_http_keystone_ctx_t *
ngx_http_keystone_create_ctx(ngx_http_request_t *r, ngx_uint_t room)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_keystone_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_keystone_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;

    ngx_memzero(ctx, sizeof(ngx_http_keystone_ctx_t));

    ctx->request = r;
    ctx->room = room;

    cln->handler = ngx_http_keystone_cleanup;

    ngx_queue_insert_tail(&ngx_http_keystone_all, &ctx->queue);

    ngx_http_set_ctx(r, ctx, ngx_http_keystone_module);

    return ctx;
}


/*
 * The request waits for the core.  Its connection has no timer meanwhile: the
 * core bounds the wait, and the hold keeps a draining process here.
 */

ngx_int_t
ngx_http_keystone_suspend(ngx_http_keystone_ctx_t *ctx,
    ngx_http_event_handler_pt resume)
{
    ngx_event_t         *rev;
    ngx_http_cleanup_t  *cln;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (!ctx->watched) {
        cln = ngx_http_cleanup_add(r, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_keystone_leave;
        cln->data = ctx;

        ctx->watched = 1;
    }

    ctx->resume = resume;

    /* block_reading would never see that the client has left */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    rev = r->connection->read;

    if (rev->ready) {
        /* edge-triggered: what came already is not told again */
        ngx_post_event(rev, &ngx_posted_events);

    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->state = NGX_HTTP_KEYSTONE_WAITING;

    ngx_keystone_hold();

    return NGX_OK;
}


/* called by ks_worker_run(), once for each KS_AGAIN */

void
ngx_http_keystone_wake(void *cookie)
{
    ngx_http_keystone_ctx_t *ctx = cookie;

    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    if (ctx->gone || ctx->state != NGX_HTTP_KEYSTONE_WAITING) {
        return;
    }

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, c->log, 0, "http keystone wake");

    ctx->state = NGX_HTTP_KEYSTONE_ASKING;

    ngx_keystone_release();

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ctx->resume;

    /* without an allocation: a stream wakes again and again */

    (void) ngx_http_post_request(r, &ctx->posted);

    /* r may be gone after this */

    ngx_http_run_posted_requests(c);
}


/* the request is terminated; its pool may live on for a while */

static void
ngx_http_keystone_leave(void *data)
{
    ngx_http_keystone_ctx_t *ctx = data;

    if (ctx->state == NGX_HTTP_KEYSTONE_WAITING && !ctx->gone) {
        ngx_keystone_release();
    }

    ctx->gone = 1;
}


static void
ngx_http_keystone_cleanup(void *data)
{
    ngx_http_keystone_ctx_t *ctx = data;

    if (ctx->queue.next == NULL) {
        return;
    }

    ngx_queue_remove(&ctx->queue);
    ctx->queue.next = NULL;

    if (ctx->http) {
        ks_http_free(ctx->http);
        ctx->http = NULL;
    }
}


void
ngx_http_keystone_done(ngx_http_request_t *r, ngx_http_keystone_ctx_t *ctx)
{
    ngx_uint_t  status;

    if (ctx->http == NULL || ctx->counted) {
        return;
    }

    ctx->counted = 1;

    status = r->err_status ? r->err_status : r->headers_out.status;

    ks_http_done(ctx->http, (unsigned) status,
                 (int64_t) r->connection->sent);
}
