
/*
 * The hook in nginx-rtmp's chain for publish.
 */


#include "ngx_rtmp_keystone.h"


static ngx_rtmp_publish_pt  next_publish;


static ngx_int_t
ngx_rtmp_keystone_publish(ngx_rtmp_session_t *s, ngx_rtmp_publish_t *v)
{
    ngx_rtmp_keystone_ctx_t  *ctx;

    if (s->auto_pushed && ngx_rtmp_keystone_pushed(s, v->name) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!ngx_rtmp_keystone_gated(s)) {
        return next_publish(s, v);
    }

    switch (ngx_rtmp_keystone_ask(s, KS_PUBLISH, v->name, v->args)) {

    case NGX_OK:
        ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_keystone_module);
        return ngx_rtmp_keystone_publish_passed(ctx, v);

    case NGX_AGAIN:

        /* v is a static buffer of the caller: the next client's, soon */

        ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_keystone_module);
        ctx->command->publish = *v;
        return NGX_OK;

    case NGX_DONE:
        return NGX_OK;

    default:
        return NGX_ERROR;
    }
}


/* From here on the key is gone: nobody behind us gets to see it. */

ngx_int_t
ngx_rtmp_keystone_publish_passed(ngx_rtmp_keystone_ctx_t *ctx,
    ngx_rtmp_publish_t *v)
{
    ngx_int_t           rc;
    ngx_rtmp_publish_t  copy;

    copy = *v;
    ngx_memzero(v->name, sizeof(v->name));
    ngx_memzero(v->args, sizeof(v->args));
    ngx_memzero(copy.name, sizeof(copy.name));
    ngx_memzero(copy.args, sizeof(copy.args));

    rc = ngx_rtmp_keystone_admit(ctx, copy.name);

    if (rc == NGX_OK) {
        rc = next_publish(ctx->session, &copy);
    }

    if (rc != NGX_OK) {
        ngx_rtmp_keystone_end(ctx);
        return NGX_ERROR;
    }

    ngx_rtmp_keystone_media_start(ctx);

    return NGX_OK;
}


void
ngx_rtmp_keystone_hook_publish(void)
{
    next_publish = ngx_rtmp_publish;
    ngx_rtmp_publish = ngx_rtmp_keystone_publish;
}
