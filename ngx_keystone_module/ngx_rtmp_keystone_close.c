
/*
 * The client closes its stream or goes.
 */


#include "ngx_rtmp_keystone.h"
#include <ngx_rtmp_streams.h>


static ngx_rtmp_close_stream_pt   next_close_stream;
static ngx_rtmp_delete_stream_pt  next_delete_stream;


static ngx_int_t
ngx_rtmp_keystone_close_stream(ngx_rtmp_session_t *s,
    ngx_rtmp_close_stream_t *v)
{
    ngx_rtmp_keystone_ctx_t  *ctx;

    ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_keystone_module);

    if (ctx && ctx->state != NGX_RTMP_KEYSTONE_CLOSING) {

        if (ctx->state == NGX_RTMP_KEYSTONE_LIVE) {
            ngx_rtmp_keystone_log(ctx, NGX_LOG_INFO, "keystone: %s ended",
                                  ctx->action == KS_PUBLISH ? "publish"
                                                            : "play");
        }

        ngx_rtmp_keystone_end(ctx);
    }

    return next_close_stream(s, v);
}


/*
 * nginx-rtmp knows one message stream a connection, and closes it whichever
 * number the client deletes.
 */

static ngx_int_t
ngx_rtmp_keystone_delete_stream(ngx_rtmp_session_t *s,
    ngx_rtmp_delete_stream_t *v)
{
    if (v && v->stream != NGX_RTMP_MSID && v->stream != 0
        && ngx_rtmp_keystone_gated(s))
    {
        return NGX_OK;
    }

    return next_delete_stream(s, v);
}


void
ngx_rtmp_keystone_hook_close(void)
{
    next_close_stream = ngx_rtmp_close_stream;
    ngx_rtmp_close_stream = ngx_rtmp_keystone_close_stream;

    next_delete_stream = ngx_rtmp_delete_stream;
    ngx_rtmp_delete_stream = ngx_rtmp_keystone_delete_stream;
}
