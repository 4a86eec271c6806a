
/*
 * The publishers of this worker by public name: one at a time.
 */


#include "ngx_rtmp_keystone.h"


static ngx_rtmp_keystone_ctx_t *ngx_rtmp_keystone_publisher(
    ngx_str_t *stream);
static void ngx_rtmp_keystone_insert_name(ngx_rtmp_keystone_ctx_t *ctx,
    ngx_str_t *stream);


static ngx_rbtree_t       ngx_rtmp_keystone_publishers;
static ngx_rbtree_node_t  ngx_rtmp_keystone_sentinel;


void
ngx_rtmp_keystone_init_publishers(void)
{
    ngx_rbtree_init(&ngx_rtmp_keystone_publishers,
                    &ngx_rtmp_keystone_sentinel,
                    ngx_str_rbtree_insert_value);
}


/*
 * What another worker's auto_push sends has been let in there, and has its
 * public name.  It yields to a publisher let in here: the other one is being
 * replaced, and will be kicked.
 */

ngx_int_t
ngx_rtmp_keystone_pushed(ngx_rtmp_session_t *s, u_char *name)
{
    ngx_str_t                      stream;
    ngx_rtmp_keystone_ctx_t       *ctx, *other;
    ngx_rtmp_keystone_app_conf_t  *kacf;

    kacf = ngx_rtmp_get_module_app_conf(s, ngx_rtmp_keystone_module);

    if (kacf == NULL || !kacf->enable) {
        return NGX_OK;
    }

    ctx = ngx_rtmp_get_module_ctx(s, ngx_rtmp_keystone_module);

    if (ctx == NULL) {
        ctx = ngx_rtmp_keystone_create_ctx(s);
        if (ctx == NULL) {
            return NGX_ERROR;
        }
    }

    if (ctx->state != NGX_RTMP_KEYSTONE_IDLE) {
        return NGX_ERROR;
    }

    ngx_rtmp_keystone_end(ctx);

    stream.len = ngx_strlen(name);
    stream.data = ngx_pnalloc(s->connection->pool, stream.len);
    if (stream.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(stream.data, name, stream.len);

    other = ngx_rtmp_keystone_publisher(&stream);

    if (other && !other->session->auto_pushed) {
        return NGX_ERROR;
    }

    ngx_rtmp_keystone_insert_name(ctx, &stream);

    return NGX_OK;
}


static ngx_rtmp_keystone_ctx_t *
ngx_rtmp_keystone_publisher(ngx_str_t *stream)
{
    ngx_str_node_t  *sn;

    sn = ngx_str_rbtree_lookup(&ngx_rtmp_keystone_publishers, stream,
                               ngx_crc32_long(stream->data, stream->len));
    if (sn == NULL) {
        return NULL;
    }

    return (ngx_rtmp_keystone_ctx_t *)
               ((u_char *) sn - offsetof(ngx_rtmp_keystone_ctx_t, node));
}


/*
 * The core lets a second publisher in only to replace the first.  nginx-rtmp
 * would have both write one playlist until the kick comes round, so in this
 * worker the first goes now.  The string is not copied.
 */

void
ngx_rtmp_keystone_take_name(ngx_rtmp_keystone_ctx_t *ctx, ngx_str_t *stream)
{
    ngx_rtmp_keystone_ctx_t  *other;

    while ((other = ngx_rtmp_keystone_publisher(stream))) {
        ngx_rtmp_keystone_kick(other, "replaced");
    }

    ngx_rtmp_keystone_insert_name(ctx, stream);
}


void
ngx_rtmp_keystone_drop_name(ngx_rtmp_keystone_ctx_t *ctx)
{
    if (ctx->named) {
        ngx_rbtree_delete(&ngx_rtmp_keystone_publishers, &ctx->node.node);
        ctx->named = 0;
    }
}


static void
ngx_rtmp_keystone_insert_name(ngx_rtmp_keystone_ctx_t *ctx, ngx_str_t *stream)
{
    ctx->node.str = *stream;
    ctx->node.node.key = ngx_crc32_long(stream->data, stream->len);

    ngx_rbtree_insert(&ngx_rtmp_keystone_publishers, &ctx->node.node);
    ctx->named = 1;
}
