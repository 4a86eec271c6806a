
/*
 * The access handler: keystone_gate rtc and hls.
 *
 * It is entered again by ngx_http_core_run_phases() after a wake-up and after
 * the body has been read; the context says where it stands.  Returning the
 * verdict, and not acting on it elsewhere, keeps "satisfy" and the rest of the
 * phase as they are in nginx.
 */


#include <ngx_http_keystone.h>


static ngx_int_t ngx_http_keystone_gate_next(ngx_http_keystone_ctx_t *ctx,
    ngx_int_t rc);
static ngx_int_t ngx_http_keystone_gate_pass(ngx_http_keystone_ctx_t *ctx);
static ngx_int_t ngx_http_keystone_gate_answer(ngx_http_keystone_ctx_t *ctx);
static ngx_int_t ngx_http_keystone_gate_body(ngx_http_keystone_ctx_t *ctx);
static void ngx_http_keystone_gate_body_handler(ngx_http_request_t *r);


ngx_int_t
ngx_http_keystone_gate_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_keystone_ctx_t       *ctx;
    ngx_http_keystone_loc_conf_t  *klcf;

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keystone_module);

    if (klcf->room != KS_ROOM_RTC && klcf->room != KS_ROOM_HLS) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_keystone_get_ctx(r);

    if (ctx == NULL || ctx->http == NULL || ctx->room != klcf->room) {

        if (ngx_keystone_worker() == NULL) {
            return NGX_HTTP_SERVICE_UNAVAILABLE;
        }

        ctx = NULL;

        rc = ngx_http_keystone_start(r, klcf, &ctx);

        return ngx_http_keystone_gate_next(ctx, rc);
    }

    switch (ctx->state) {

    case NGX_HTTP_KEYSTONE_ASKING:
        break;

    case NGX_HTTP_KEYSTONE_WAITING:
    case NGX_HTTP_KEYSTONE_STREAMING:
        return NGX_AGAIN;

    case NGX_HTTP_KEYSTONE_READING:

        if (!ctx->body_read) {
            return NGX_DONE;
        }

        ctx->state = NGX_HTTP_KEYSTONE_ASKING;

        return ngx_http_keystone_gate_next(ctx,
                                           ngx_http_keystone_give_body(ctx));

    case NGX_HTTP_KEYSTONE_PASSED:

        /* an internal redirect: decided once, for all of the request */

        return NGX_OK;

    case NGX_HTTP_KEYSTONE_ANSWERED:
        return ks_http_answer(ctx->http)->status;
    }

    return ngx_http_keystone_gate_next(ctx, ks_http_state(ctx->http));
}


static ngx_int_t
ngx_http_keystone_gate_next(ngx_http_keystone_ctx_t *ctx, ngx_int_t rc)
{
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (rc) {

    case KS_PASS:
        return ngx_http_keystone_gate_pass(ctx);

    case KS_ANSWER:
        return ngx_http_keystone_gate_answer(ctx);

    case KS_BODY:
        return ngx_http_keystone_gate_body(ctx);

    case KS_STREAM:
        ngx_http_keystone_stream(ctx);
        return NGX_DONE;

    case KS_AGAIN:

        if (ngx_http_keystone_suspend(ctx, ngx_http_core_run_phases)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return NGX_AGAIN;

    default: /* KS_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static ngx_int_t
ngx_http_keystone_gate_pass(ngx_http_keystone_ctx_t *ctx)
{
    ngx_http_request_t            *r;
    const ks_http_pass_t          *pass;
    ngx_http_keystone_loc_conf_t  *klcf;

    r = ctx->request;
    pass = ks_http_pass(ctx->http);

    if (pass == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->state = NGX_HTTP_KEYSTONE_PASSED;

    if (ctx->room == KS_ROOM_HLS && r->args.len) {
        ngx_http_keystone_redact_args(r);
    }

    if (pass->uri.len == 0) {
        r->uri = ctx->uri;
        return NGX_OK;
    }

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keystone_module);

    if (pass->uri.len < klcf->prefix_len
        || ngx_memcmp(pass->uri.data, ctx->uri.data, klcf->prefix_len) != 0)
    {
        /* "alias" cuts the prefix off */

        r->valid_location = 0;
    }

    ngx_keystone_to_ngx(&r->uri, &pass->uri);

    /* proxy_pass without a path would send the one with the token */

    r->valid_unparsed_uri = 0;

    ngx_http_set_exten(r);

    return NGX_OK;
}


static ngx_int_t
ngx_http_keystone_gate_answer(ngx_http_keystone_ctx_t *ctx)
{
    ngx_http_request_t        *r;
    const ks_http_answer_t    *answer;
    ngx_http_core_loc_conf_t  *clcf;

    r = ctx->request;
    answer = ks_http_answer(ctx->http);

    if (answer == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->satisfy == NGX_HTTP_SATISFY_ANY
        && (answer->status == NGX_HTTP_UNAUTHORIZED
            || answer->status == NGX_HTTP_FORBIDDEN))
    {
        /*
         * Another handler may still say yes.  If none does nginx makes an
         * error of it, and the filter puts our answer in its place.
         */

        ctx->state = NGX_HTTP_KEYSTONE_ANSWERED;

        return answer->status;
    }

    ngx_http_finalize_request(r, ngx_http_keystone_send_answer(ctx));

    return NGX_DONE;
}


/*
 * As ngx_http_mirror_module does it: the reference that the reader has taken
 * is given back at once.  When the reader ends the request by itself (413,
 * 408, 400) our handler is not called and could not give it back.
 */

static ngx_int_t
ngx_http_keystone_gate_body(ngx_http_keystone_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (ctx->body_read) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->state = NGX_HTTP_KEYSTONE_READING;

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r,
                                         ngx_http_keystone_gate_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static void
ngx_http_keystone_gate_body_handler(ngx_http_request_t *r)
{
    ngx_http_keystone_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keystone_module);

    ctx->body_read = 1;

    r->preserve_body = 1;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}
