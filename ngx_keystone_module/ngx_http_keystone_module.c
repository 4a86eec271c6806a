
/*
 * The HTTP module: directives, location configuration, phases.
 */


#include <ngx_http_keystone.h>


static void *ngx_http_keystone_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_keystone_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_keystone_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_keystone_gate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_keystone_content(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_keystone_set_room(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_keystone_loc_conf_t *klcf, ngx_uint_t room);
static ngx_int_t ngx_http_keystone_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_keystone_init_process(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_keystone_log_handler(ngx_http_request_t *r);


static ngx_conf_enum_t  ngx_http_keystone_gates[] = {
    { ngx_string("rtc"), KS_ROOM_RTC },
    { ngx_string("hls"), KS_ROOM_HLS },
    { ngx_string("off"), NGX_HTTP_KEYSTONE_OFF },
    { ngx_null_string, 0 }
};


static ngx_uint_t  ngx_http_keystone_room_api = KS_ROOM_API;
static ngx_uint_t  ngx_http_keystone_room_health = KS_ROOM_HEALTH;
static ngx_uint_t  ngx_http_keystone_room_metrics = KS_ROOM_METRICS;


static ngx_command_t  ngx_http_keystone_commands[] = {

    { ngx_string("keystone_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_keystone_content,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_keystone_room_api },

    { ngx_string("keystone_health"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_keystone_content,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_keystone_room_health },

    { ngx_string("keystone_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_keystone_content,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      &ngx_http_keystone_room_metrics },

    { ngx_string("keystone_gate"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_keystone_gate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_keystone_gates },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_keystone_module_ctx = {
    ngx_http_keystone_add_variables,       /* preconfiguration */
    ngx_http_keystone_init,                /* postconfiguration */

    ngx_http_keystone_create_main_conf,    /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_keystone_create_loc_conf,     /* create location configuration */
    ngx_http_keystone_merge_loc_conf       /* merge location configuration */
};


ngx_module_t  ngx_http_keystone_module = {
    NGX_MODULE_V1,
    &ngx_http_keystone_module_ctx,         /* module context */
    ngx_http_keystone_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_keystone_init_process,        /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_keystone_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_keystone_main_conf_t));
}


static void *
ngx_http_keystone_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_keystone_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_keystone_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->prefix_len = 0;
     */

    conf->room = NGX_CONF_UNSET_UINT;

    return conf;
}


static char *
ngx_http_keystone_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_keystone_loc_conf_t *prev = parent;
    ngx_http_keystone_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->room == NGX_CONF_UNSET_UINT) {
        conf->room = NGX_HTTP_KEYSTONE_OFF;

        switch (prev->room) {

        case KS_ROOM_RTC:
        case KS_ROOM_HLS:

            /* access rules reach into nested locations */

            conf->room = prev->room;
            conf->prefix_len = prev->prefix_len;
            break;

        case KS_ROOM_API:
        case KS_ROOM_HEALTH:
        case KS_ROOM_METRICS:

            /* handlers do not, except into "if" and "limit_except" */

            if (clcf->noname && clcf->handler == NULL) {
                conf->room = prev->room;
                conf->prefix_len = prev->prefix_len;
                clcf->handler = ngx_http_keystone_api_handler;
            }

            break;

        default:
            break;
        }
    }

    if (conf->room == KS_ROOM_API || conf->room == KS_ROOM_RTC) {

        /*
         * The limit of the contract, so that the body fits into memory and
         * what is too large is refused while it comes in; a lower one stays.
         */

        if (clcf->client_max_body_size == 0
            || clcf->client_max_body_size > NGX_HTTP_KEYSTONE_MAX_BODY)
        {
            clcf->client_max_body_size = NGX_HTTP_KEYSTONE_MAX_BODY;
        }

        if (clcf->client_body_buffer_size
            < (size_t) clcf->client_max_body_size)
        {
            clcf->client_body_buffer_size = (size_t) clcf->client_max_body_size;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_keystone_gate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t        *value;
    ngx_uint_t        i;
    ngx_conf_enum_t  *e;

    value = cf->args->elts;
    e = cmd->post;

    for (i = 0; e[i].name.len; i++) {

        if (e[i].name.len == value[1].len
            && ngx_strcmp(e[i].name.data, value[1].data) == 0)
        {
            return ngx_http_keystone_set_room(cf, cmd, conf, e[i].value);
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" of \"keystone_gate\"; "
                       "use \"rtc\", \"hls\" or \"off\"", &value[1]);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_keystone_content(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                      *rv;
    ngx_uint_t                *room;
    ngx_http_core_loc_conf_t  *clcf;

    room = cmd->post;

    rv = ngx_http_keystone_set_room(cf, cmd, conf, *room);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_keystone_api_handler;

    return NGX_CONF_OK;
}


static char *
ngx_http_keystone_set_room(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_keystone_loc_conf_t *klcf, ngx_uint_t room)
{
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_keystone_main_conf_t  *kmcf;

    if (klcf->room != NGX_CONF_UNSET_UINT) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\": this location has a directive of Keystone "
                           "already; one location, one of keystone_api, "
                           "keystone_gate, keystone_health, keystone_metrics",
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    klcf->room = room;

    if (room == NGX_HTTP_KEYSTONE_OFF) {
        return NGX_CONF_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

#if (NGX_PCRE)
    if (clcf->regex) {

        if (room != KS_ROOM_HEALTH && room != KS_ROOM_METRICS) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" in a location with a regular "
                               "expression does not know where its paths "
                               "begin; write it in one with a prefix, and "
                               "that location inside", &cmd->name);
            return NGX_CONF_ERROR;
        }

    } else
#endif
    {
        /* a named one is entered with any path: it has no part of it */

        klcf->prefix_len = clcf->named ? 0 : clcf->name.len;
    }

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_keystone_module);
    kmcf->used = 1;

    return ngx_keystone_require(cf, (const char *) cmd->name.data);
}


static ngx_int_t
ngx_http_keystone_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt            *h;
    ngx_http_core_main_conf_t      *cmcf;
    ngx_http_keystone_main_conf_t  *kmcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_keystone_module);

    if (!kmcf->used) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_SERVER_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_keystone_redact_line_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_REWRITE_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_keystone_redact_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_keystone_gate_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_keystone_log_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_keystone_init_process(ngx_cycle_t *cycle)
{
    ngx_http_keystone_init_requests();

    return ngx_keystone_add_exit(ngx_http_keystone_free_all);
}


static ngx_int_t
ngx_http_keystone_log_handler(ngx_http_request_t *r)
{
    ngx_http_keystone_ctx_t  *ctx;

    ctx = ngx_http_keystone_get_ctx(r);

    if (ctx) {
        ngx_http_keystone_done(r, ctx);
    }

    return NGX_OK;
}
