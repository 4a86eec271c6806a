
/*
 * The hook in nginx-rtmp's chain for play.
 */


#include "ngx_rtmp_keystone.h"


static ngx_rtmp_play_pt  next_play;


static ngx_int_t
ngx_rtmp_keystone_play(ngx_rtmp_session_t *s, ngx_rtmp_play_t *v)
{
    ngx_rtmp_keystone_ctx_t  *ctx;

    if (!ngx_rtmp_keystone_gated(s)) {
        return next_play(s, v);
    }

    switch (ngx_rtmp_keystone_ask(s, KS_PLAY, v->name, v->args)) {

    case NGX_OK:
        ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_keystone_module);
        return ngx_rtmp_keystone_play_passed(ctx, v);

    case NGX_AGAIN:

        /* v is a static buffer of the caller: the next client's, soon */

        ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_keystone_module);
        ctx->command->play = *v;
        return NGX_OK;

    case NGX_DONE:
        return NGX_OK;

    default:
        return NGX_ERROR;
    }
}


/* From here on the key is gone: nobody behind us gets to see it. */

ngx_int_t
ngx_rtmp_keystone_play_passed(ngx_rtmp_keystone_ctx_t *ctx,
    ngx_rtmp_play_t *v)
{
    ngx_int_t        rc;
    ngx_rtmp_play_t  copy;

    copy = *v;
    ngx_memzero(v->name, sizeof(v->name));
    ngx_memzero(v->args, sizeof(v->args));
    ngx_memzero(copy.name, sizeof(copy.name));
    ngx_memzero(copy.args, sizeof(copy.args));

    rc = ngx_rtmp_keystone_admit(ctx, copy.name);

    if (rc == NGX_OK) {
        rc = next_play(ctx->session, &copy);
    }

    if (rc != NGX_OK) {
        ngx_rtmp_keystone_end(ctx);
        return NGX_ERROR;
    }

    ngx_rtmp_keystone_media_start(ctx);

    return NGX_OK;
}


void
ngx_rtmp_keystone_hook_play(void)
{
    next_play = ngx_rtmp_play;
    ngx_rtmp_play = ngx_rtmp_keystone_play;
}
