
/*
 * The hooks in nginx-rtmp's chains for publish and play.
 *
 * Both commands begin with name and args, so that either member of the union
 * shows those of the other.
 */


#include "ngx_rtmp_keystone.h"


static ngx_int_t ngx_rtmp_keystone_gate(ngx_rtmp_session_t *s, int action,
    ngx_rtmp_keystone_command_t *cmd);


static ngx_rtmp_publish_pt  next_publish;
static ngx_rtmp_play_pt     next_play;


static ngx_int_t
ngx_rtmp_keystone_publish(ngx_rtmp_session_t *s, ngx_rtmp_publish_t *v)
{
    ngx_rtmp_keystone_command_t  cmd;

    if (s->auto_pushed && ngx_rtmp_keystone_pushed(s, v->name) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!ngx_rtmp_keystone_gated(s)) {
        return next_publish(s, v);
    }

    /* v is a static buffer of the caller: the next client's, soon */

    cmd.publish = *v;
    ngx_memzero(v->name, sizeof(v->name));
    ngx_memzero(v->args, sizeof(v->args));

    return ngx_rtmp_keystone_gate(s, KS_PUBLISH, &cmd);
}


static ngx_int_t
ngx_rtmp_keystone_play(ngx_rtmp_session_t *s, ngx_rtmp_play_t *v)
{
    ngx_rtmp_keystone_command_t  cmd;

    if (!ngx_rtmp_keystone_gated(s)) {

        if (s->relay) {
            ngx_rtmp_keystone_relay_playing(s);
        }

        return next_play(s, v);
    }

    cmd.play = *v;
    ngx_memzero(v->name, sizeof(v->name));
    ngx_memzero(v->args, sizeof(v->args));

    return ngx_rtmp_keystone_gate(s, KS_PLAY, &cmd);
}


static ngx_int_t
ngx_rtmp_keystone_gate(ngx_rtmp_session_t *s, int action,
    ngx_rtmp_keystone_command_t *cmd)
{
    ngx_rtmp_keystone_ctx_t  *ctx;

    switch (ngx_rtmp_keystone_ask(s, action, cmd->publish.name,
                                  cmd->publish.args))
    {

    case NGX_OK:
        ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_keystone_module);
        return ngx_rtmp_keystone_passed(ctx, cmd);

    case NGX_AGAIN:
        ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_keystone_module);
        *ctx->command = *cmd;
        return NGX_OK;

    case NGX_DONE:
        return NGX_OK;

    default:
        return NGX_ERROR;
    }
}


/* From here on the key is gone: nobody behind us gets to see it. */

ngx_int_t
ngx_rtmp_keystone_passed(ngx_rtmp_keystone_ctx_t *ctx,
    ngx_rtmp_keystone_command_t *cmd)
{
    ngx_int_t  rc;

    ngx_memzero(cmd->publish.name, sizeof(cmd->publish.name));
    ngx_memzero(cmd->publish.args, sizeof(cmd->publish.args));

    ngx_rtmp_keystone_relay_init(ctx->session);

    rc = ngx_rtmp_keystone_admit(ctx, cmd->publish.name);

    if (rc == NGX_OK) {
        rc = ctx->action == KS_PUBLISH
                 ? next_publish(ctx->session, &cmd->publish)
                 : next_play(ctx->session, &cmd->play);
    }

    if (rc != NGX_OK) {
        ngx_rtmp_keystone_end(ctx);
        return NGX_ERROR;
    }

    ngx_rtmp_keystone_media_start(ctx);
    ngx_rtmp_keystone_relay_start(ctx);

    return NGX_OK;
}


void
ngx_rtmp_keystone_hook_commands(void)
{
    next_publish = ngx_rtmp_publish;
    ngx_rtmp_publish = ngx_rtmp_keystone_publish;

    next_play = ngx_rtmp_play;
    ngx_rtmp_play = ngx_rtmp_keystone_play;
}
