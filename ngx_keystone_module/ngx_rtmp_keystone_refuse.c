
/*
 * No to a question, and the end of a live session: the client is told why,
 * and is given a moment to read it.
 */


#include "ngx_rtmp_keystone.h"
#include <ngx_rtmp_streams.h>


static void ngx_rtmp_keystone_linger(ngx_rtmp_keystone_ctx_t *ctx);


/* Without a code or a text: those of the core. */

void
ngx_rtmp_keystone_refuse(ngx_rtmp_keystone_ctx_t *ctx, ks_str_t *code,
    ks_str_t *text)
{
    char                      code_buf[64], text_buf[256];
    const ks_rtmp_refusal_t  *refusal;

    if (code == NULL) {
        refusal = ks_rtmp_refusal(ctx->rtmp);
        code = (ks_str_t *) &refusal->code;
        text = (ks_str_t *) &refusal->text;
    }

    *ngx_cpymem(code_buf, code->data, ngx_min(code->len, sizeof(code_buf) - 1))
        = '\0';
    *ngx_cpymem(text_buf, text->data, ngx_min(text->len, sizeof(text_buf) - 1))
        = '\0';

    ngx_rtmp_keystone_log(ctx, NGX_LOG_INFO, "keystone: %s refused: %s",
                          ctx->action == KS_PUBLISH ? "publish" : "play",
                          text_buf);

    ngx_rtmp_keystone_end(ctx);

    (void) ngx_rtmp_send_status(ctx->session, code_buf, "error", text_buf);

    ngx_rtmp_keystone_linger(ctx);
}


void
ngx_rtmp_keystone_refuse_text(ngx_rtmp_keystone_ctx_t *ctx, const char *text)
{
    ks_str_t  code_str, text_str;

    code_str.data = ctx->action == KS_PUBLISH ? "NetStream.Publish.BadName"
                                              : "NetStream.Play.Failed";
    code_str.len = ngx_strlen(code_str.data);
    text_str.data = text;
    text_str.len = ngx_strlen(text);

    ngx_rtmp_keystone_refuse(ctx, &code_str, &text_str);
}


/* The live session ends by somebody else's will. */

void
ngx_rtmp_keystone_kick(ngx_rtmp_keystone_ctx_t *ctx, const char *reason)
{
    ngx_rtmp_session_t        *s;
    ngx_rtmp_delete_stream_t   v;

    s = ctx->session;

    ngx_rtmp_keystone_log(ctx, NGX_LOG_INFO, "keystone: kicked: %s", reason);

    (void) ngx_rtmp_send_status(s, ctx->action == KS_PUBLISH
                                       ? "NetStream.Publish.BadName"
                                       : "NetStream.Play.Failed",
                                "error",
                                (char *) ngx_rtmp_keystone_reason(reason));

    /*
     * The whole chain lets go of the stream now, with our own hook first;
     * the connection stays a moment for the client to read the status.
     */

    v.stream = NGX_RTMP_MSID;

    if (ngx_rtmp_delete_stream(s, &v) != NGX_OK) {
        ngx_rtmp_finalize_session(s);
    }

    ngx_rtmp_keystone_end(ctx);
    ngx_rtmp_keystone_linger(ctx);
}


/*
 * A close() with unread bytes of the client in the socket is sent as a reset,
 * and a reset may overtake the status in the client.  So only our side is
 * closed; what still comes is read and falls on the floor.
 */

static void
ngx_rtmp_keystone_linger(ngx_rtmp_keystone_ctx_t *ctx)
{
    ngx_connection_t    *c;
    ngx_rtmp_session_t  *s;

    s = ctx->session;
    c = s->connection;

    if (c->destroyed) {
        return;
    }

    ctx->state = NGX_RTMP_KEYSTONE_CLOSING;

    ctx->timer.cancelable = 0;
    ngx_add_timer(&ctx->timer, NGX_RTMP_KEYSTONE_LINGER);

    if (s->out_chain == NULL && s->out_pos == s->out_last
        && ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == -1)
    {
        ngx_connection_error(c, ngx_socket_errno,
                             ngx_shutdown_socket_n " failed");
        ngx_rtmp_finalize_session(s);
    }
}


const char *
ngx_rtmp_keystone_reason(const char *reason)
{
    ngx_uint_t  i;

    static const struct {
        const char  *reason;
        const char  *text;
    } texts[] = {
        { "replaced", "Another encoder took over this stream" },
        { "revoked",  "The key or token of this session was revoked" },
        { "disabled", "This stream was disabled" },
        { "expired",  "The token of this session has expired" },
        { "upstream", "The media server ended this stream" },
        { "shutdown", "The server is being restarted, connect again" },
        { NULL,       NULL }
    };

    for (i = 0; texts[i].reason; i++) {
        if (ngx_strcmp(texts[i].reason, reason) == 0) {
            return texts[i].text;
        }
    }

    return "This session was ended by the server";
}
