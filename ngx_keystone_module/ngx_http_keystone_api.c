
/*
 * The content handler: REST, health, metrics.
 *
 * Every way in here (first call, wake-up, body read) ends in one
 * ngx_http_finalize_request().  NGX_DONE there takes back the reference that
 * suspending, or reading the body, has added.
 */


#include <ngx_http_keystone.h>


static ngx_int_t ngx_http_keystone_api_next(ngx_http_keystone_ctx_t *ctx,
    ngx_int_t rc);
static void ngx_http_keystone_api_resume(ngx_http_request_t *r);
static void ngx_http_keystone_api_body_handler(ngx_http_request_t *r);


ngx_int_t
ngx_http_keystone_api_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_keystone_ctx_t       *ctx;
    ngx_http_keystone_loc_conf_t  *klcf;

    if (ngx_keystone_worker() == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keystone_module);

    ctx = NULL;

    rc = ngx_http_keystone_start(r, klcf, &ctx);

    return ngx_http_keystone_api_next(ctx, rc);
}


static ngx_int_t
ngx_http_keystone_api_next(ngx_http_keystone_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_request_t  *r;

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r = ctx->request;

    switch (rc) {

    case KS_ANSWER:
        return ngx_http_keystone_send_answer(ctx);

    case KS_BODY:

        if (ctx->body_read) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ctx->state = NGX_HTTP_KEYSTONE_READING;

        r->request_body_in_single_buf = 1;

        rc = ngx_http_read_client_request_body(r,
                                          ngx_http_keystone_api_body_handler);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            return rc;
        }

        return NGX_DONE;

    case KS_AGAIN:

        if (ngx_http_keystone_suspend(ctx, ngx_http_keystone_api_resume)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        r->main->count++;

        return NGX_DONE;

    default: /* KS_ERROR, or KS_PASS, which makes no sense here */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static void
ngx_http_keystone_api_resume(ngx_http_request_t *r)
{
    ngx_http_keystone_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keystone_module);

    ngx_http_finalize_request(r,
                   ngx_http_keystone_api_next(ctx, ks_http_state(ctx->http)));
}


static void
ngx_http_keystone_api_body_handler(ngx_http_request_t *r)
{
    ngx_http_keystone_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keystone_module);

    ctx->state = NGX_HTTP_KEYSTONE_ASKING;
    ctx->body_read = 1;

    ngx_http_finalize_request(r,
             ngx_http_keystone_api_next(ctx, ngx_http_keystone_give_body(ctx)));
}
