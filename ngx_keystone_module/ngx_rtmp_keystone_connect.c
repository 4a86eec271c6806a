
/*
 * The connection, before anybody asks for a stream: no Nagle, no names in the
 * log, no query in the addresses that other modules keep.
 */


#include "ngx_rtmp_keystone.h"


static ngx_rtmp_connect_pt  next_connect;


/* A session begins. */

ngx_int_t
ngx_rtmp_keystone_accept(ngx_rtmp_session_t *s, ngx_rtmp_header_t *h,
    ngx_chain_t *in)
{
    ngx_connection_t              *c;
    ngx_rtmp_keystone_srv_conf_t  *kscf;

    c = s->connection;
    kscf = ngx_rtmp_get_module_srv_conf(s, ngx_rtmp_keystone_module);

    if (c->listening == NULL) {
        return ngx_rtmp_keystone_relay_made(s);
    }

    /* not for what another worker pushes */

    if (!kscf->enable || c->sockaddr->sa_family == AF_UNIX) {
        return NGX_OK;
    }

    /* saves the level */

    if (ngx_rtmp_keystone_create_ctx(s) == NULL) {
        return NGX_ERROR;
    }

    /*
     * nginx-rtmp writes the name and arguments of each command to the log at
     * info, and AMF strings at debug: keys, before any hook could rename them.
     */

    if (c->log->log_level > NGX_LOG_NOTICE) {
        c->log->log_level = NGX_LOG_NOTICE;
    }

    /* a lone command's answers would wait 40 ms for a delayed ACK */

    return ngx_tcp_nodelay(c);
}


static ngx_uint_t
ngx_rtmp_keystone_gated_app(ngx_rtmp_session_t *s, u_char *app)
{
    size_t                         len;
    ngx_uint_t                     i;
    ngx_rtmp_core_srv_conf_t      *cscf;
    ngx_rtmp_core_app_conf_t     **cacfp;
    ngx_rtmp_keystone_app_conf_t  *kacf;

    cscf = ngx_rtmp_get_module_srv_conf(s, ngx_rtmp_core_module);
    cacfp = cscf->applications.elts;
    len = ngx_strlen(app);

    for (i = 0; i < cscf->applications.nelts; i++) {
        if (cacfp[i]->name.len == len
            && ngx_strncmp(cacfp[i]->name.data, app, len) == 0)
        {
            kacf = cacfp[i]->app_conf[ngx_rtmp_keystone_module.ctx_index];
            return kacf->enable;
        }
    }

    return 0;
}


static void
ngx_rtmp_keystone_cut_query(u_char *url)
{
    u_char  *p;

    p = (u_char *) ngx_strchr(url, '?');

    if (p) {
        ngx_memzero(p, ngx_strlen(p));
    }
}


static ngx_int_t
ngx_rtmp_keystone_connect(ngx_rtmp_session_t *s, ngx_rtmp_connect_t *v)
{
    /*
     * People put keys there too; stat, log, exec and notify show them.
     * app_conf is not known yet.
     */

    if (ngx_rtmp_keystone_gated_app(s, v->app)) {
        ngx_memzero(v->args, sizeof(v->args));
        ngx_rtmp_keystone_cut_query(v->tc_url);
        ngx_rtmp_keystone_cut_query(v->page_url);
        ngx_rtmp_keystone_cut_query(v->swf_url);
    }

    return next_connect(s, v);
}


void
ngx_rtmp_keystone_hook_connect(void)
{
    next_connect = ngx_rtmp_connect;
    ngx_rtmp_connect = ngx_rtmp_keystone_connect;
}
