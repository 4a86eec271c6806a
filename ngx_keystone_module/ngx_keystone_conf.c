
/*
 * The keystone { } block.  Its directives belong to the core, which gets them
 * word for word; "zone" and "threads" are about nginx and are read here.
 */


#include <ngx_keystone.h>


#define NGX_KEYSTONE_MAX_WORDS  64


/* of nginx; no header of it declares this */
extern ngx_module_t  ngx_thread_pool_module;


static char *ngx_keystone_directive(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_keystone_core_directive(ngx_conf_t *cf,
    ngx_keystone_conf_t *kcf);
static ngx_int_t ngx_keystone_keep_env(ngx_conf_t *cf, ngx_str_t *word);
static char *ngx_keystone_threads(ngx_conf_t *cf, ngx_keystone_conf_t *kcf);
static char *ngx_keystone_make_pool(ngx_conf_t *cf, ngx_keystone_pool_t *kp,
    ngx_int_t threads, ngx_int_t max_queue);


char *
ngx_keystone_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    /* the context of a block at the main level is the slot of the module */
    ngx_keystone_conf_t *kcf = *(ngx_keystone_conf_t **) conf;

    char        *rv, err[NGX_KEYSTONE_ERR_LEN];
    ngx_conf_t   save;

    if (kcf->config) {
        return "is duplicate";
    }

    kcf->config = ks_config_create();
    if (kcf->config == NULL) {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->handler = ngx_keystone_directive;
    cf->handler_conf = kcf;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (kcf->shm_zone == NULL) {
        rv = ngx_keystone_zone_default(cf, kcf);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    rv = ngx_keystone_make_pool(cf, &kcf->pools[KS_POOL_HASH],
                                ngx_min(2, ngx_ncpu), 64);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_keystone_make_pool(cf, &kcf->pools[KS_POOL_STORE], 4, 512);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    /* one job for each name of the configuration at most */

    rv = ngx_keystone_make_pool(cf, &kcf->pools[KS_POOL_NAMES], 4, 512);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    err[0] = '\0';

    if (ks_config_finish(kcf->config, err, sizeof(err)) != KS_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", err);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_keystone_directive(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_keystone_conf_t *kcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[0].data, "include") == 0) {

        if (cf->args->nelts != 2) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"include\" takes one file name");
            return NGX_CONF_ERROR;
        }

        return ngx_conf_include(cf, dummy, conf);
    }

    if (ngx_strcmp(value[0].data, "zone") == 0) {
        return ngx_keystone_zone_directive(cf, kcf);
    }

    if (ngx_strcmp(value[0].data, "threads") == 0) {
        return ngx_keystone_threads(cf, kcf);
    }

    return ngx_keystone_core_directive(cf, kcf);
}


static char *
ngx_keystone_core_directive(ngx_conf_t *cf, ngx_keystone_conf_t *kcf)
{
    char         err[NGX_KEYSTONE_ERR_LEN];
    ks_str_t     words[NGX_KEYSTONE_MAX_WORDS];
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (cf->args->nelts > NGX_KEYSTONE_MAX_WORDS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has more than %d values",
                           &value[0], NGX_KEYSTONE_MAX_WORDS - 1);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < cf->args->nelts; i++) {
        ngx_keystone_to_ks(&words[i], &value[i]);

        if (i && ngx_keystone_keep_env(cf, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    err[0] = '\0';

    if (ks_config_directive(kcf->config, words, cf->args->nelts, err,
                            sizeof(err))
        != KS_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", err);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * A new binary (USR2) gets the variables that "env" names and no others, so
 * that those of env:NAME values have to be among them to be found there.
 */

static ngx_int_t
ngx_keystone_keep_env(ngx_conf_t *cf, ngx_str_t *word)
{
    u_char           *p;
    ngx_str_t        *env;
    ngx_core_conf_t  *ccf;

    p = (u_char *) ngx_strstr(word->data, "env:");

    if (p == NULL || (p != word->data && p[-1] != '=')) {
        return NGX_OK;
    }

    p += sizeof("env:") - 1;

    if (*p == '\0' || ngx_strchr(p, '=')) {
        return NGX_OK;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);

    env = ngx_array_push(&ccf->env);
    if (env == NULL) {
        return NGX_ERROR;
    }

    env->data = p;
    env->len = word->data + word->len - p;

    return NGX_OK;
}


static char *
ngx_keystone_threads(ngx_conf_t *cf, ngx_keystone_conf_t *kcf)
{
    size_t       len;
    ngx_int_t    n, *field, limit;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    if (cf->args->nelts < 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"threads\" has no value; write "
                           "\"threads hash=2 store=4 max_queue=64\"");
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "hash=", 5) == 0) {
            field = &kcf->pools[KS_POOL_HASH].threads;
            len = 5;
            limit = 64;

        } else if (ngx_strncmp(value[i].data, "store=", 6) == 0) {
            field = &kcf->pools[KS_POOL_STORE].threads;
            len = 6;
            limit = 64;

        } else if (ngx_strncmp(value[i].data, "max_queue=", 10) == 0) {
            field = &kcf->pools[KS_POOL_HASH].max_queue;
            len = 10;
            limit = 65536;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"threads\"; "
                               "use hash=, store= or max_queue=", &value[i]);
            return NGX_CONF_ERROR;
        }

        if (*field) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" sets a parameter of \"threads\" again",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        n = ngx_atoi(value[i].data + len, value[i].len - len);

        if (n == NGX_ERROR || n < 1 || n > limit) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number in \"%V\"; "
                               "use one from 1 to %i", &value[i], limit);
            return NGX_CONF_ERROR;
        }

        *field = n;
    }

    kcf->pools[KS_POOL_STORE].max_queue = kcf->pools[KS_POOL_HASH].max_queue;

    return NGX_CONF_OK;
}


/*
 * What "thread_pool <name> threads=N max_queue=N;" would do, so that nobody
 * has to write it: that directive's own handler is given its words.  The
 * queue is bounded by the host, which does not log every refusal; nginx's
 * limit is never met.
 */

static char *
ngx_keystone_make_pool(ngx_conf_t *cf, ngx_keystone_pool_t *kp,
    ngx_int_t threads, ngx_int_t max_queue)
{
#if (NGX_THREADS)

    char           *rv;
    u_char         *p;
    ngx_str_t      *value;
    ngx_array_t     args, *save;
    ngx_command_t  *cmd;

    if (kp->threads == 0) {
        kp->threads = threads;
    }

    if (kp->max_queue == 0) {
        kp->max_queue = max_queue;
    }

    if (ngx_thread_pool_get(cf->cycle, &kp->name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the thread pool \"%V\" is made by the keystone "
                           "block; remove \"thread_pool %V\" and write "
                           "\"threads hash=N store=N;\" in the block",
                           &kp->name, &kp->name);
        return NGX_CONF_ERROR;
    }

    for (cmd = ngx_thread_pool_module.commands; cmd->name.len; cmd++) {
        if (ngx_strcmp(cmd->name.data, "thread_pool") == 0) {
            break;
        }
    }

    if (cmd->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "this nginx has no \"thread_pool\" directive");
        return NGX_CONF_ERROR;
    }

    if (ngx_array_init(&args, cf->pool, 3, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    value = ngx_array_push_n(&args, 3);
    if (value == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, sizeof("threads=") + NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    value[0] = cmd->name;
    value[1] = kp->name;
    value[2].data = p;
    value[2].len = ngx_sprintf(p, "threads=%i%Z", kp->threads) - p - 1;

    save = cf->args;
    cf->args = &args;

    rv = cmd->set(cf, cmd, NULL);

    cf->args = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    kp->pool = ngx_thread_pool_get(cf->cycle, &kp->name);

    return kp->pool ? NGX_CONF_OK : NGX_CONF_ERROR;

#else

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "keystone needs nginx built with \"--with-threads\"");
    return NGX_CONF_ERROR;

#endif
}
