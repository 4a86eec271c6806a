
/*
 * What a live session moves, for the core: a publisher's first frame makes
 * its stream active, then the totals go over once a second.
 */


#include "ngx_rtmp_keystone.h"


/* nginx-rtmp starts s->in_bytes anew here */
#define NGX_RTMP_KEYSTONE_IN_WRAP      0xf0000000

/* more than all that a player is sent before media: statuses, metadata */
#define NGX_RTMP_KEYSTONE_PLAY_PROLOG  1024


/* Called when the chain has answered the command. */

void
ngx_rtmp_keystone_media_start(ngx_rtmp_keystone_ctx_t *ctx)
{
    ngx_rtmp_session_t  *s;

    s = ctx->session;

    if (ctx->state != NGX_RTMP_KEYSTONE_LIVE || s->connection->destroyed) {
        return;
    }

    ctx->in_seen = s->in_bytes;
    ctx->out_seen = s->out_bytes;
    ctx->bytes_in = 0;
    ctx->bytes_out = 0;
    ctx->report_at = ngx_current_msec;

    /* a publisher reports from its own messages, a player sends none */

    if (ctx->action == KS_PLAY) {
        ctx->timer.cancelable = 1;
        ngx_add_timer(&ctx->timer, NGX_RTMP_KEYSTONE_REPORT);
    }
}


/* Once a second, while media moves. */

void
ngx_rtmp_keystone_media_tick(ngx_rtmp_keystone_ctx_t *ctx)
{
    /*
     * worker_shutdown_timeout is over.  nginx-rtmp takes no notice of it and
     * would keep the old worker as long as somebody is connected.
     */

    if (ctx->session->connection->close) {
        ngx_rtmp_keystone_kick(ctx, "shutdown");
        return;
    }

    ngx_rtmp_keystone_media_report(ctx);
}


void
ngx_rtmp_keystone_media_report(ngx_rtmp_keystone_ctx_t *ctx)
{
    uint32_t             in;
    ngx_rtmp_session_t  *s;

    s = ctx->session;

    in = s->in_bytes - ctx->in_seen;

    if (s->in_bytes < ctx->in_seen) {
        in += NGX_RTMP_KEYSTONE_IN_WRAP;
    }

    ctx->bytes_in += in;
    ctx->in_seen = s->in_bytes;

    ctx->bytes_out += (uint32_t) (s->out_bytes - ctx->out_seen);
    ctx->out_seen = s->out_bytes;

    if (ctx->action == KS_PLAY
        && ctx->bytes_out < NGX_RTMP_KEYSTONE_PLAY_PROLOG)
    {
        return;
    }

    ctx->media = 1;
    ks_rtmp_media(ctx->rtmp, ctx->bytes_in, ctx->bytes_out);
}


/*
 * The first handler of each audio and video message of every client: keep it
 * short.
 */

ngx_int_t
ngx_rtmp_keystone_av(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    ngx_rtmp_keystone_ctx_t  *ctx;

    ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_keystone_module);

    if (ctx == NULL) {
        return NGX_OK;
    }

    if (ctx->state == NGX_RTMP_KEYSTONE_LIVE && ctx->action == KS_PUBLISH) {

        if ((ngx_msec_int_t) (ngx_current_msec - ctx->report_at) < 0) {
            return NGX_OK;
        }

        ctx->report_at = ngx_current_msec + NGX_RTMP_KEYSTONE_REPORT;
        ngx_rtmp_keystone_media_tick(ctx);

        return ctx->state == NGX_RTMP_KEYSTONE_LIVE ? NGX_OK : NGX_DONE;
    }

    /*
     * nginx-rtmp's hls and dash go on writing what comes after closeStream:
     * a session that has been ended would not end
     */

    if (ctx->published) {
        return NGX_DONE;
    }

    /*
     * Before the first answer nobody has a context to write by, but codec
     * keeps the headers, which an encoder that does not wait sends only once
     */

    if (ctx->state == NGX_RTMP_KEYSTONE_WAITING
        && (uint32_t) (s->in_bytes - ctx->in_seen)
           > NGX_RTMP_KEYSTONE_WAIT_BYTES)
    {
        ngx_rtmp_keystone_log(ctx, NGX_LOG_INFO,
                              "keystone: too much media before the answer");
        return NGX_ERROR;
    }

    return NGX_OK;
}
