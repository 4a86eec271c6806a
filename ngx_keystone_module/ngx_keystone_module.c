
/*
 * The core module: the keystone { } block of the main level and the life of
 * the core (libkeystone) in a worker process.
 */


#include <ngx_keystone.h>


#define NGX_KEYSTONE_EXITS  4


static void *ngx_keystone_create_conf(ngx_cycle_t *cycle);
static char *ngx_keystone_init_conf(ngx_cycle_t *cycle, void *conf);
static void ngx_keystone_cleanup_conf(void *data);
static ngx_int_t ngx_keystone_init_process(ngx_cycle_t *cycle);
static void ngx_keystone_exit_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_keystone_commands[] = {

    { ngx_string("keystone"),
      NGX_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_NOARGS,
      ngx_keystone_block,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_core_module_t  ngx_keystone_module_ctx = {
    ngx_string("keystone"),
    ngx_keystone_create_conf,
    ngx_keystone_init_conf
};


ngx_module_t  ngx_keystone_module = {
    NGX_MODULE_V1,
    &ngx_keystone_module_ctx,              /* module context */
    ngx_keystone_commands,                 /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_keystone_init_process,             /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_keystone_exit_process,             /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ks_worker_t           *ngx_keystone_core;
static ngx_uint_t             ngx_keystone_started;
static ngx_keystone_exit_pt   ngx_keystone_exits[NGX_KEYSTONE_EXITS];


ks_worker_t *
ngx_keystone_worker(void)
{
    /*
     * Started by whoever comes first: the event that the host posts at the
     * start of a process, or a request accepted in the same turn of the loop.
     */

    if (!ngx_keystone_started && ngx_keystone_core) {
        ngx_keystone_started = 1;
        ks_worker_start(ngx_keystone_core);
    }

    return ngx_keystone_core;
}


char *
ngx_keystone_require(ngx_conf_t *cf, const char *directive)
{
    ngx_keystone_conf_t  *kcf;

    kcf = (ngx_keystone_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                               ngx_keystone_module);

    if (kcf->needed_by == NULL) {
        kcf->needed_by = directive;
        kcf->needed_file = cf->conf_file->file.name.data;
        kcf->needed_line = cf->conf_file->line;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_keystone_add_exit(ngx_keystone_exit_pt handler)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_KEYSTONE_EXITS; i++) {

        if (ngx_keystone_exits[i] == NULL) {
            ngx_keystone_exits[i] = handler;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


static void *
ngx_keystone_create_conf(ngx_cycle_t *cycle)
{
    ngx_pool_cleanup_t   *cln;
    ngx_keystone_conf_t  *kcf;

    cln = ngx_pool_cleanup_add(cycle->pool, sizeof(ngx_keystone_conf_t));
    if (cln == NULL) {
        return NULL;
    }

    kcf = cln->data;
    ngx_memzero(kcf, sizeof(ngx_keystone_conf_t));

    ngx_str_set(&kcf->pools[KS_POOL_HASH].name, "keystone_hash");
    ngx_str_set(&kcf->pools[KS_POOL_STORE].name, "keystone_store");
    ngx_str_set(&kcf->pools[KS_POOL_NAMES].name, "keystone_names");

    cln->handler = ngx_keystone_cleanup_conf;

    return kcf;
}


static char *
ngx_keystone_init_conf(ngx_cycle_t *cycle, void *conf)
{
    ngx_keystone_conf_t *kcf = conf;

    if (kcf->config == NULL && kcf->needed_by) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "\"%s\" needs a keystone block; add \"keystone { }\" "
                      "beside \"http { }\" in %s:%ui",
                      kcf->needed_by, kcf->needed_file, kcf->needed_line);
        return NGX_CONF_ERROR;
    }

    return ngx_keystone_init_nodes(cycle, kcf);
}


static void
ngx_keystone_cleanup_conf(void *data)
{
    ngx_keystone_conf_t *kcf = data;

    if (kcf->config) {
        ks_config_free(kcf->config);
        kcf->config = NULL;
    }
}


static ngx_int_t
ngx_keystone_init_process(ngx_cycle_t *cycle)
{
    ngx_keystone_conf_t  *kcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    kcf = (ngx_keystone_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                               ngx_keystone_module);

    if (kcf->config == NULL) {
        return NGX_OK;
    }

    /*
     * NGX_ERROR would end the process for good.  A worker without the core
     * still serves everything else and answers 503 in Keystone's locations.
     */

    ngx_keystone_core = ngx_keystone_host_init(cycle, kcf);

    return NGX_OK;
}


static void
ngx_keystone_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t    i;
    ks_worker_t  *core;

    core = ngx_keystone_core;

    if (core == NULL) {
        return;
    }

    for (i = 0; i < NGX_KEYSTONE_EXITS && ngx_keystone_exits[i]; i++) {
        ngx_keystone_exits[i]();
    }

    ngx_keystone_core = NULL;

    ks_worker_destroy(core);

    ngx_keystone_host_exit();
}
