
/*
 * A request of nginx as the core sees it.
 */


#include <ngx_http_keystone.h>


/* more than the core can use; what is over is left out */

#define NGX_HTTP_KEYSTONE_HEADERS  24


static ngx_uint_t ngx_http_keystone_fill(ngx_http_request_t *r,
    ngx_http_keystone_loc_conf_t *klcf, ks_http_request_t *rq,
    ks_header_t *headers);
static ngx_uint_t ngx_http_keystone_wanted(ngx_table_elt_t *h);


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
               || ngx_http_keystone_is("if-none-match")
               || ngx_http_keystone_is("last-event-id");

    case 14:
        return ngx_http_keystone_is("content-length");

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
