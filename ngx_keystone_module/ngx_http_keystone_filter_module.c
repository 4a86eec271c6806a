
/*
 * Answers that are not the core's own, in locations of Keystone:
 *
 *   of an upstream behind the gate   the core takes note, and changes the
 *                                    headers or puts its own answer in place
 *   an error that nginx made         becomes a problem document
 *   a file behind the gate           goes out untouched
 */


#include <ngx_http_keystone.h>


static ngx_int_t ngx_http_keystone_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_keystone_filter_upstream(ngx_http_request_t *r,
    ngx_http_keystone_ctx_t *ctx, ngx_http_keystone_loc_conf_t *klcf);
static void ngx_http_keystone_describe_upstream(ngx_http_request_t *r,
    ks_http_upstream_t *up);
static void ngx_http_keystone_drop_foreign(ngx_http_request_t *r,
    ngx_uint_t room);
static ngx_int_t ngx_http_keystone_filter_problem(ngx_http_request_t *r,
    ngx_http_keystone_loc_conf_t *klcf, ngx_http_keystone_ctx_t *ctx);
static ngx_int_t ngx_http_keystone_replace(ngx_http_request_t *r,
    ngx_http_keystone_ctx_t *ctx, const ks_http_answer_t *answer,
    ngx_uint_t copy);
static ngx_int_t ngx_http_keystone_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_keystone_filter_init(ngx_conf_t *cf);


static ngx_http_module_t  ngx_http_keystone_filter_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_keystone_filter_init,         /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_keystone_filter_module = {
    NGX_MODULE_V1,
    &ngx_http_keystone_filter_module_ctx,  /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static ngx_int_t
ngx_http_keystone_header_filter(ngx_http_request_t *r)
{
    ngx_http_keystone_ctx_t       *ctx;
    ngx_http_keystone_loc_conf_t  *klcf;

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keystone_module);

    if (klcf->room == NGX_HTTP_KEYSTONE_OFF || r != r->main) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_keystone_get_ctx(r);

    if (ctx && ctx->sent) {
        return ngx_http_next_header_filter(r);
    }

    if (ctx && ctx->state == NGX_HTTP_KEYSTONE_PASSED) {

        /* a file needs the core for a page of another origin only */

        if (r->upstream_states
            || (ctx->origin
                && (r->headers_out.status < NGX_HTTP_SPECIAL_RESPONSE
                    || r->headers_out.status == NGX_HTTP_NOT_MODIFIED)))
        {
            return ngx_http_keystone_filter_upstream(r, ctx, klcf);
        }

    } else if (ctx && ctx->state == NGX_HTTP_KEYSTONE_ANSWERED
               && (r->headers_out.status == NGX_HTTP_UNAUTHORIZED
                   || r->headers_out.status == NGX_HTTP_FORBIDDEN))
    {
        /* "satisfy any", and nobody was satisfied */

        return ngx_http_keystone_replace(r, ctx, ks_http_answer(ctx->http), 0);
    }

    if (r->headers_out.status < NGX_HTTP_BAD_REQUEST) {
        return ngx_http_next_header_filter(r);
    }

    return ngx_http_keystone_filter_problem(r, klcf, ctx);
}


static ngx_int_t
ngx_http_keystone_filter_upstream(ngx_http_request_t *r,
    ngx_http_keystone_ctx_t *ctx, ngx_http_keystone_loc_conf_t *klcf)
{
    ngx_int_t                rc;
    ks_http_upstream_t       up;
    const ks_http_answer_t  *answer;

    if (r->http_version < NGX_HTTP_VERSION_10 && r->http_major) {

        /* an upstream that speaks no HTTP: nginx answers with HTTP/0.9 */

        r->http_version = r->http_major * 1000 + r->http_minor;
    }

    ngx_http_keystone_describe_upstream(r, &up);

    rc = ks_http_upstream(ctx->http, &up);

    answer = ks_http_answer(ctx->http);

    if ((rc != KS_PASS && rc != KS_ANSWER) || answer == NULL) {
        return NGX_ERROR;
    }

    if (rc == KS_ANSWER) {
        return ngx_http_keystone_replace(r, ctx, answer, 0);
    }

    if (!up.answered && up.status >= NGX_HTTP_BAD_REQUEST) {

        /* nginx's own page, on an upstream that did not answer */

        return ngx_http_keystone_filter_problem(r, klcf, ctx);
    }

    ngx_http_keystone_drop_foreign(r, ctx->room);

    if (ngx_http_keystone_set_headers(r, answer, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->sent = 1;

    return ngx_http_next_header_filter(r);
}


static void
ngx_http_keystone_describe_upstream(ngx_http_request_t *r,
    ks_http_upstream_t *up)
{
    ngx_table_elt_t            *h;
    ngx_http_upstream_t        *u;
    ngx_http_upstream_state_t  *state;

    ngx_memzero(up, sizeof(ks_http_upstream_t));

    up->status = (unsigned) r->headers_out.status;

    ngx_keystone_to_ks(&up->content_type, &r->headers_out.content_type);

    h = ngx_http_keystone_find_header(r, (u_char *) "Location",
                                      sizeof("Location") - 1, 0);
    if (h) {
        ngx_keystone_to_ks(&up->location, &h->value);
    }

    if (r->upstream_states == NULL || r->upstream_states->nelts == 0) {

        /* a file, or proxy_cache had it */

        up->connected = 1;
        up->answered = 1;
        return;
    }

    u = r->upstream;

    /* the last attempt; times are -1 until the thing has happened */

    state = r->upstream_states->elts;
    state += r->upstream_states->nelts - 1;

    up->connected = (state->connect_time != (ngx_msec_t) -1);
    up->answered = (up->connected
                    && state->header_time != (ngx_msec_t) -1
                    && u != NULL
                    && u->headers_in.status_n == r->headers_out.status);
}


/* headers that only the core may set; SRS says "*" to every origin */

static void
ngx_http_keystone_drop_foreign(ngx_http_request_t *r, ngx_uint_t room)
{
    ngx_table_elt_t  *h;

    if (room != KS_ROOM_RTC) {
        return;
    }

    /* not headers_out.location: nginx leaves that empty for a relative one */

    for ( ;; ) {
        h = ngx_http_keystone_find_header(r, (u_char *) "Location",
                                          sizeof("Location") - 1, 0);
        if (h == NULL) {
            break;
        }

        h->hash = 0;
    }

    r->headers_out.location = NULL;

    /* of a session, an ETag would promise ICE restarts */

    ngx_http_clear_etag(r);

    for ( ;; ) {
        h = ngx_http_keystone_find_header(r, (u_char *) "Access-Control-",
                                          sizeof("Access-Control-") - 1, 1);
        if (h == NULL) {
            return;
        }

        h->hash = 0;
    }
}


static ngx_int_t
ngx_http_keystone_filter_problem(ngx_http_request_t *r,
    ngx_http_keystone_loc_conf_t *klcf, ngx_http_keystone_ctx_t *ctx)
{
    const ks_http_answer_t  *answer;

    answer = ngx_http_keystone_problem(r, klcf, ctx, r->headers_out.status);

    if (answer == NULL) {

        /* no core in this process: nginx's own page goes out */

        return ngx_http_next_header_filter(r);
    }

    if (ctx == NULL) {
        ctx = ngx_http_keystone_create_ctx(r, klcf->room);
        if (ctx == NULL) {
            return NGX_ERROR;
        }
    }

    return ngx_http_keystone_replace(r, ctx, answer, 1);
}


static ngx_int_t
ngx_http_keystone_replace(ngx_http_request_t *r, ngx_http_keystone_ctx_t *ctx,
    const ks_http_answer_t *answer, ngx_uint_t copy)
{
    ctx->sent = 1;

    if (r->upstream_states) {
        ngx_http_clean_header(r);
    }

    if (ngx_http_keystone_set_answer(r, answer, copy) != NGX_OK) {
        return NGX_ERROR;
    }

    /* what $status, and the core's counters, are to show */

    r->err_status = 0;

    ctx->body = ngx_http_keystone_answer_body(r, answer, copy);
    if (ctx->body == NULL) {
        return NGX_ERROR;
    }

    ctx->replaced = 1;

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_keystone_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t              *cl;
    ngx_http_keystone_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keystone_module);

    if (ctx == NULL || !ctx->replaced || in == NULL || r != r->main) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    /* ours goes with the first piece; of the later ones nothing is left */

    cl = ctx->body;
    ctx->body = NULL;

    return ngx_http_next_body_filter(r, cl);
}


static ngx_int_t
ngx_http_keystone_filter_init(ngx_conf_t *cf)
{
    ngx_http_keystone_main_conf_t  *kmcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_keystone_module);

    if (!kmcf->used) {
        return NGX_OK;
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_keystone_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_keystone_body_filter;

    return NGX_OK;
}
