
/*
 * "keystone on" in an rtmp application, and where the hooks go in.
 *
 * They are installed in init_process, not in postconfiguration: rtmp_auto_push
 * wraps publish there, and would relay a publisher to the other workers before
 * anybody has let it in.
 */


#include "ngx_rtmp_keystone.h"
#include <ngx_rtmp_live_module.h>


static void *ngx_rtmp_keystone_create_main_conf(ngx_conf_t *cf);
static void *ngx_rtmp_keystone_create_srv_conf(ngx_conf_t *cf);
static void *ngx_rtmp_keystone_create_app_conf(ngx_conf_t *cf);
static char *ngx_rtmp_keystone_merge_app_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_rtmp_keystone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *ngx_rtmp_keystone_relay(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_rtmp_keystone_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_rtmp_keystone_check_relay(ngx_conf_t *cf,
    ngx_rtmp_core_srv_conf_t *cscf);
static ngx_int_t ngx_rtmp_keystone_av_first(ngx_array_t *handlers);
static ngx_int_t ngx_rtmp_keystone_init_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_rtmp_keystone_commands[] = {

    { ngx_string("keystone"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_FLAG,
      ngx_rtmp_keystone,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_keystone_app_conf_t, enable),
      NULL },

    { ngx_string("keystone_relay"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_FLAG,
      ngx_rtmp_keystone_relay,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_keystone_app_conf_t, relay),
      NULL },

    { ngx_string("keystone_timeout"),
      NGX_RTMP_MAIN_CONF|NGX_RTMP_SRV_CONF|NGX_RTMP_APP_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_RTMP_APP_CONF_OFFSET,
      offsetof(ngx_rtmp_keystone_app_conf_t, timeout),
      NULL },

      ngx_null_command
};


static ngx_rtmp_module_t  ngx_rtmp_keystone_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_rtmp_keystone_postconfiguration,   /* postconfiguration */

    ngx_rtmp_keystone_create_main_conf,    /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_rtmp_keystone_create_srv_conf,     /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_rtmp_keystone_create_app_conf,     /* create app configuration */
    ngx_rtmp_keystone_merge_app_conf       /* merge app configuration */
};


ngx_module_t  ngx_rtmp_keystone_module = {
    NGX_MODULE_V1,
    &ngx_rtmp_keystone_module_ctx,         /* module context */
    ngx_rtmp_keystone_commands,            /* module directives */
    NGX_RTMP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_rtmp_keystone_init_process,        /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


ngx_uint_t
ngx_rtmp_keystone_gated(ngx_rtmp_session_t *s)
{
    ngx_rtmp_keystone_app_conf_t  *kacf;
    ngx_rtmp_keystone_srv_conf_t  *kscf;

    /*
     * nginx-rtmp's own: a relay's end in this process, and what another
     * worker pushes here after it has asked
     */

    if (s->relay || s->auto_pushed) {
        return 0;
    }

    kacf = ngx_rtmp_get_module_app_conf(s, ngx_rtmp_keystone_module);

    if (kacf == NULL) {

        /* no connect yet: nothing would be published, but the name logged */

        kscf = ngx_rtmp_get_module_srv_conf(s, ngx_rtmp_keystone_module);

        return kscf->enable;
    }

    return kacf->enable;
}


static void *
ngx_rtmp_keystone_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_rtmp_keystone_main_conf_t));
}


static void *
ngx_rtmp_keystone_create_srv_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_rtmp_keystone_srv_conf_t));
}


static void *
ngx_rtmp_keystone_create_app_conf(ngx_conf_t *cf)
{
    ngx_rtmp_keystone_app_conf_t  *kacf;

    kacf = ngx_palloc(cf->pool, sizeof(ngx_rtmp_keystone_app_conf_t));
    if (kacf == NULL) {
        return NULL;
    }

    kacf->enable = NGX_CONF_UNSET;
    kacf->relay = NGX_CONF_UNSET;
    kacf->timeout = NGX_CONF_UNSET_MSEC;

    return kacf;
}


static char *
ngx_rtmp_keystone_merge_app_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_rtmp_keystone_app_conf_t  *prev = parent;
    ngx_rtmp_keystone_app_conf_t  *conf = child;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_value(conf->relay, prev->relay, 0);
    ngx_conf_merge_msec_value(conf->timeout, prev->timeout, 5000);

    if (conf->timeout == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"keystone_timeout\" must not be zero, "
                           "write \"keystone_timeout 5s\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_rtmp_keystone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                          *rv;
    ngx_rtmp_keystone_app_conf_t  *kacf = conf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK || !kacf->enable) {
        return rv;
    }

    return ngx_keystone_require(cf, "keystone on");
}


static char *
ngx_rtmp_keystone_relay(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                          *rv;
    ngx_rtmp_keystone_app_conf_t  *kacf = conf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK || !kacf->relay) {
        return rv;
    }

    return ngx_keystone_require_nodes(cf, "keystone_relay on");
}


static ngx_int_t
ngx_rtmp_keystone_postconfiguration(ngx_conf_t *cf)
{
    ngx_uint_t                      i, n;
    ngx_rtmp_conf_ctx_t            *ctx;
    ngx_rtmp_handler_pt            *h;
    ngx_rtmp_core_app_conf_t      **cacfp;
    ngx_rtmp_core_srv_conf_t      **cscfp, *cscf;
    ngx_rtmp_core_main_conf_t      *cmcf;
    ngx_rtmp_keystone_app_conf_t   *kacf;
    ngx_rtmp_keystone_srv_conf_t   *kscf;
    ngx_rtmp_keystone_main_conf_t  *kmcf;

    cmcf = ngx_rtmp_conf_get_module_main_conf(cf, ngx_rtmp_core_module);
    kmcf = ngx_rtmp_conf_get_module_main_conf(cf, ngx_rtmp_keystone_module);

    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        ctx = cscfp[i]->ctx;
        cscf = ctx->srv_conf[ngx_rtmp_core_module.ctx_index];
        kscf = ctx->srv_conf[ngx_rtmp_keystone_module.ctx_index];
        cacfp = cscf->applications.elts;

        for (n = 0; n < cscf->applications.nelts; n++) {
            kacf = cacfp[n]->app_conf[ngx_rtmp_keystone_module.ctx_index];

            if (kacf->enable) {
                kscf->enable = 1;
                kmcf->enable = 1;
            }
        }

        if (ngx_rtmp_keystone_check_relay(cf, cscf) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (!kmcf->enable) {
        return NGX_OK;
    }

    h = ngx_array_push(&cmcf->events[NGX_RTMP_CONNECT]);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_rtmp_keystone_accept;

    if (ngx_rtmp_keystone_av_first(&cmcf->events[NGX_RTMP_MSG_AUDIO])
        != NGX_OK
        || ngx_rtmp_keystone_av_first(&cmcf->events[NGX_RTMP_MSG_VIDEO])
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * It may be on for a whole server, and then is of use in those of its
 * applications that are gated.
 */

static ngx_int_t
ngx_rtmp_keystone_check_relay(ngx_conf_t *cf, ngx_rtmp_core_srv_conf_t *cscf)
{
    ngx_str_t                      *idle;
    ngx_uint_t                      n, used;
    ngx_rtmp_live_app_conf_t       *lacf;
    ngx_rtmp_core_app_conf_t      **cacfp;
    ngx_rtmp_keystone_app_conf_t   *kacf;

    used = 0;
    idle = NULL;
    cacfp = cscf->applications.elts;

    for (n = 0; n < cscf->applications.nelts; n++) {
        kacf = cacfp[n]->app_conf[ngx_rtmp_keystone_module.ctx_index];
        lacf = cacfp[n]->app_conf[ngx_rtmp_live_module.ctx_index];

        if (!kacf->relay) {
            continue;
        }

        if (!kacf->enable) {
            idle = &cacfp[n]->name;
            continue;
        }

        used = 1;

        if (!lacf->live) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"keystone_relay on\" sends what \"live on\" "
                               "passes on; add \"live on\" to application "
                               "\"%V\"", &cacfp[n]->name);
            return NGX_ERROR;
        }
    }

    if (idle && !used) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"keystone_relay on\" is for streams that were "
                           "let in; add \"keystone on\" to application "
                           "\"%V\"", idle);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_rtmp_keystone_av_first(ngx_array_t *handlers)
{
    ngx_rtmp_handler_pt  *h;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    h = handlers->elts;

    ngx_memmove(&h[1], &h[0],
                (handlers->nelts - 1) * sizeof(ngx_rtmp_handler_pt));
    h[0] = ngx_rtmp_keystone_av;

    return NGX_OK;
}


static ngx_int_t
ngx_rtmp_keystone_init_process(ngx_cycle_t *cycle)
{
    ngx_rtmp_conf_ctx_t            *ctx;
    ngx_rtmp_keystone_main_conf_t  *kmcf;

    ctx = (ngx_rtmp_conf_ctx_t *) ngx_get_conf(cycle->conf_ctx,
                                               ngx_rtmp_module);
    if (ctx == NULL) {
        return NGX_OK;
    }

    kmcf = ctx->main_conf[ngx_rtmp_keystone_module.ctx_index];

    if (!kmcf->enable) {
        return NGX_OK;
    }

    ngx_rtmp_keystone_init_sessions();
    ngx_rtmp_keystone_init_publishers();

    ngx_rtmp_keystone_hook_connect();
    ngx_rtmp_keystone_hook_commands();
    ngx_rtmp_keystone_hook_close();

    if (ngx_rtmp_keystone_init_auto_push(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a fast shutdown closes no session by itself: the core is told */

    return ngx_keystone_add_exit(ngx_rtmp_keystone_end_sessions);
}
