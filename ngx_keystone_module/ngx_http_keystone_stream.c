
/*
 * An answer that goes on after its head: server-sent events.
 *
 * The core is asked for the next piece when the last one has left, so nothing
 * is queued for a slow client; one that takes nothing for send_timeout is
 * dropped.  While the core has nothing the request is suspended as any other.
 */


#include <ngx_http_keystone.h>


static void ngx_http_keystone_stream_next(ngx_http_request_t *r);
static ngx_int_t ngx_http_keystone_stream_send(ngx_http_keystone_ctx_t *ctx,
    ks_str_t *piece);
static void ngx_http_keystone_stream_writer(ngx_http_request_t *r);
static ngx_int_t ngx_http_keystone_stream_pending(ngx_http_request_t *r);


#define ngx_http_keystone_is_buffered(r)                                      \
    ((r)->buffered || (r)->postponed || (r)->connection->buffered)


/* finalizes the request, now or later */

void
ngx_http_keystone_stream(ngx_http_keystone_ctx_t *ctx)
{
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    const ks_http_answer_t    *answer;
    ngx_http_core_loc_conf_t  *clcf;

    r = ctx->request;
    c = r->connection;

    answer = ks_http_answer(ctx->http);

    rc = answer ? ngx_http_discard_request_body(r) : NGX_ERROR;

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    ctx->state = NGX_HTTP_KEYSTONE_STREAMING;
    ctx->sent = 1;

    if (ngx_http_keystone_set_answer(r, answer, 0) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    r->headers_out.content_length_n = -1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->tcp_nodelay
        && r->http_version < NGX_HTTP_VERSION_20
        && ngx_tcp_nodelay(c) != NGX_OK)
    {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    ngx_http_keystone_stream_next(r);
}


/* all that the core has now: at the start, after a wake, after a write */

static void
ngx_http_keystone_stream_next(ngx_http_request_t *r)
{
    ks_str_t                  piece;
    ngx_int_t                 rc;
    ngx_http_keystone_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keystone_module);

    ctx->state = NGX_HTTP_KEYSTONE_STREAMING;

    for ( ;; ) {

        rc = ks_http_next(ctx->http, &piece);

        if (rc == KS_AGAIN) {

            if (ngx_http_keystone_suspend(ctx, ngx_http_keystone_stream_next)
                != NGX_OK)
            {
                ngx_http_finalize_request(r, NGX_ERROR);
            }

            return;
        }

        if (rc == KS_END) {
            r->write_event_handler = ngx_http_request_empty_handler;

            ngx_http_finalize_request(r,
                                      ngx_http_send_special(r, NGX_HTTP_LAST));
            return;
        }

        if (rc != KS_OK
            || ngx_http_keystone_stream_send(ctx, &piece) == NGX_ERROR)
        {
            ngx_http_finalize_request(r, NGX_ERROR);
            return;
        }

        if (ngx_http_keystone_is_buffered(r)) {

            if (ngx_http_keystone_stream_pending(r) != NGX_OK) {
                ngx_http_finalize_request(r, NGX_ERROR);
            }

            return;
        }
    }
}


/* the buffer is used again: a stream may go on for days */

static ngx_int_t
ngx_http_keystone_stream_send(ngx_http_keystone_ctx_t *ctx, ks_str_t *piece)
{
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r;

    r = ctx->request;

    cl = ngx_chain_get_free_buf(r->pool, &ctx->free);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    b = cl->buf;

    ngx_memzero(b, sizeof(ngx_buf_t));

    b->tag = (ngx_buf_tag_t) &ngx_http_keystone_module;
    b->start = (u_char *) piece->data;
    b->pos = b->start;
    b->last = b->pos + piece->len;
    b->end = b->last;
    b->memory = 1;
    b->flush = 1;

    rc = ngx_http_output_filter(r, cl);

    ngx_chain_update_chains(r->pool, &ctx->free, &ctx->busy, &cl,
                            (ngx_buf_tag_t) &ngx_http_keystone_module);

    return rc;
}


/* the client takes no more for now: as ngx_http_writer() has it */

static ngx_int_t
ngx_http_keystone_stream_pending(ngx_http_request_t *r)
{
    ngx_event_t               *wev;
    ngx_http_core_loc_conf_t  *clcf;

    wev = r->connection->write;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_keystone_stream_writer;

    if (!wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    return ngx_handle_write_event(wev, clcf->send_lowat);
}


static void
ngx_http_keystone_stream_writer(ngx_http_request_t *r)
{
    ngx_event_t       *wev;
    ngx_connection_t  *c;

    c = r->connection;
    wev = c->write;

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client of a stream of events takes nothing");
        c->timedout = 1;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (!wev->delayed && ngx_http_output_filter(r, NULL) == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    if (wev->delayed || ngx_http_keystone_is_buffered(r)) {

        if (ngx_http_keystone_stream_pending(r) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_ERROR);
        }

        return;
    }

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }

    ngx_http_keystone_stream_next(r);
}
