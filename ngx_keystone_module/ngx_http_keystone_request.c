
/*
 * A request of nginx as the core sees it, and its life: context, suspension,
 * wake-up, end.
 */


#include <ngx_http_keystone.h>


/* more than the core can use; what is over is left out */

#define NGX_HTTP_KEYSTONE_HEADERS  24


static ngx_http_keystone_ctx_t *ngx_http_keystone_find_ctx(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_keystone_fill(ngx_http_request_t *r,
    ngx_http_keystone_loc_conf_t *klcf, ks_http_request_t *rq,
    ks_header_t *headers);
static ngx_uint_t ngx_http_keystone_wanted(ngx_table_elt_t *h);
static void ngx_http_keystone_wake(void *cookie);
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


/* gives a value of the core, or KS_ERROR with *pctx set or not */

ngx_int_t
ngx_http_keystone_start(ngx_http_request_t *r,
    ngx_http_keystone_loc_conf_t *klcf, ngx_http_keystone_ctx_t **pctx)
{
    ks_header_t               headers[NGX_HTTP_KEYSTONE_HEADERS];
    ks_worker_t              *core;
    ngx_int_t                 rc;
    ks_http_request_t         rq;
    ngx_http_keystone_ctx_t  *ctx;

    core = ngx_keystone_worker();

    if (core == NULL) {
        return KS_ERROR;
    }

    ctx = ngx_http_keystone_create_ctx(r, klcf->room);
    if (ctx == NULL) {
        return KS_ERROR;
    }

    *pctx = ctx;

    ctx->origin = ngx_http_keystone_fill(r, klcf, &rq, headers);

    rc = ks_http_start(core, &rq, ngx_http_keystone_wake, ctx, &ctx->http);

    if (ngx_http_keystone_redact_uri(ctx, klcf) == NGX_ERROR) {
        return KS_ERROR;
    }

    return rc;
}


const ks_http_answer_t *
ngx_http_keystone_problem(ngx_http_request_t *r,
    ngx_http_keystone_loc_conf_t *klcf, ngx_http_keystone_ctx_t *ctx,
    ngx_uint_t status)
{
    ks_header_t         headers[NGX_HTTP_KEYSTONE_HEADERS];
    ks_worker_t        *core;
    ks_http_request_t   rq;

    core = ngx_keystone_worker();

    if (core == NULL) {
        return NULL;
    }

    /* refused before the gate was asked: the path is as the client sent it */

    if (ctx == NULL) {
        (void) ngx_http_keystone_mask(r, klcf, &r->uri);
    }

    (void) ngx_http_keystone_fill(r, klcf, &rq, headers);

    return ks_http_problem(core, ctx ? ctx->http : NULL, &rq,
                           (unsigned) status);
}


/* returns whether there is an Origin */

static ngx_uint_t
ngx_http_keystone_fill(ngx_http_request_t *r,
    ngx_http_keystone_loc_conf_t *klcf, ks_http_request_t *rq,
    ks_header_t *headers)
{
    ngx_uint_t        i, n, origin;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    rq->size = sizeof(ks_http_request_t);
    rq->room = (ks_room_t) klcf->room;

    ngx_keystone_to_ks(&rq->method, &r->method_name);
    ngx_keystone_to_ks(&rq->uri, &r->uri);
    ngx_keystone_to_ks(&rq->query, &r->args);
    ngx_keystone_to_ks(&rq->client_ip, &r->connection->addr_text);

    rq->prefix_len = ngx_min(klcf->prefix_len, r->uri.len);

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        rq->scheme.data = "https";
        rq->scheme.len = 5;

    } else
#endif
    {
        rq->scheme.data = "http";
        rq->scheme.len = 4;
    }

    if (r->headers_in.chunked) {
        rq->body_len = -1;

    } else {
        rq->body_len = ngx_max(r->headers_in.content_length_n, 0);
    }

    n = 0;
    origin = 0;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (!ngx_http_keystone_wanted(&h[i])) {
            continue;
        }

        if (n == NGX_HTTP_KEYSTONE_HEADERS) {
            break;
        }

        ngx_keystone_to_ks(&headers[n].name, &h[i].key);
        ngx_keystone_to_ks(&headers[n].value, &h[i].value);
        n++;

        if (h[i].key.len == 6 && h[i].lowcase_key[0] == 'o') {
            origin = 1;
        }
    }

    rq->headers = headers;
    rq->nheaders = n;

    return origin;
}


/*
 * The headers that the core can use.  The list is short on purpose: others are
 * not even looked at beyond their length.
 */

static ngx_uint_t
ngx_http_keystone_wanted(ngx_table_elt_t *h)
{
#define ngx_http_keystone_is(name)                                            \
    (ngx_memcmp(h->lowcase_key, name, sizeof(name) - 1) == 0)

    switch (h->key.len) {

    case 4:
        return ngx_http_keystone_is("host");

    case 6:
        return ngx_http_keystone_is("origin")
               || ngx_http_keystone_is("cookie")
               || ngx_http_keystone_is("accept");

    case 7:
        return ngx_http_keystone_is("referer");

    case 8:
        return ngx_http_keystone_is("if-match");

    case 10:
        return ngx_http_keystone_is("user-agent");

    case 12:
        return ngx_http_keystone_is("content-type")
               || ngx_http_keystone_is("x-request-id");

    case 13:
        return ngx_http_keystone_is("authorization")
               || ngx_http_keystone_is("if-none-match");

    case 15:
        return ngx_http_keystone_is("idempotency-key");

    case 29:
        return ngx_http_keystone_is("access-control-request-method");

    case 30:
        return ngx_http_keystone_is("access-control-request-headers");

    default:
        return 0;
    }

#undef ngx_http_keystone_is
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

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_keystone_leave;
    cln->data = ctx;

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

static void
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

    if (ngx_http_post_request(r, NULL) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

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


/* hands over the body that nginx has read; gives a value of the core */

ngx_int_t
ngx_http_keystone_give_body(ngx_http_keystone_ctx_t *ctx)
{
    u_char              *p;
    size_t               len;
    ssize_t              n;
    ks_str_t             body;
    ngx_buf_t           *b;
    ngx_chain_t         *cl, *bufs;
    ngx_http_request_t  *r;

    r = ctx->request;

    body.data = NULL;
    body.len = 0;

    bufs = r->request_body ? r->request_body->bufs : NULL;

    if (bufs && bufs->next == NULL && ngx_buf_in_memory(bufs->buf)) {

        /* the usual case */

        b = bufs->buf;
        body.data = (const char *) b->pos;
        body.len = b->last - b->pos;

        return ks_http_body(ctx->http, body);
    }

    len = 0;

    for (cl = bufs; cl; cl = cl->next) {
        len += (size_t) ngx_buf_size(cl->buf);
    }

    if (len > NGX_HTTP_KEYSTONE_MAX_BODY) {
        return KS_ERROR;
    }

    if (len) {
        p = ngx_pnalloc(r->pool, len);
        if (p == NULL) {
            return KS_ERROR;
        }

        body.data = (const char *) p;
        body.len = len;

        for (cl = bufs; cl; cl = cl->next) {
            b = cl->buf;
            len = (size_t) ngx_buf_size(b);

            if (ngx_buf_in_memory(b)) {
                p = ngx_cpymem(p, b->pos, len);
                continue;
            }

            if (len == 0) {
                continue;
            }

            n = ngx_read_file(b->file, p, len, b->file_pos);

            if (n != (ssize_t) len) {
                return KS_ERROR;
            }

            p += n;
        }
    }

    return ks_http_body(ctx->http, body);
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
