
/*
 * Addresses of media servers, for who connects to them by itself: resolved
 * when the configuration is read, so that a worker never waits for a name.
 */


#include <ngx_keystone.h>


static char *ngx_keystone_add_node(ngx_cycle_t *cycle,
    ngx_keystone_conf_t *kcf, ks_node_t *kn);


char *
ngx_keystone_require_nodes(ngx_conf_t *cf, const char *directive)
{
    ngx_keystone_conf_t  *kcf;

    kcf = (ngx_keystone_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                               ngx_keystone_module);

    if (kcf->nodes_for == NULL) {
        kcf->nodes_for = directive;
        kcf->nodes_file = cf->conf_file->file.name.data;
        kcf->nodes_line = cf->conf_file->line;
    }

    return ngx_keystone_require(cf, directive);
}


ngx_keystone_node_t *
ngx_keystone_node(ks_str_t *name)
{
    ngx_uint_t            i;
    ngx_keystone_conf_t  *kcf;
    ngx_keystone_node_t  *node;

    kcf = (ngx_keystone_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                               ngx_keystone_module);

    node = kcf->nodes.elts;

    for (i = 0; i < kcf->nodes.nelts; i++) {
        if (node[i].name.len == name->len
            && ngx_memcmp(node[i].name.data, name->data, name->len) == 0)
        {
            return &node[i];
        }
    }

    return NULL;
}


/* When all of the file has been read: the block may come last. */

char *
ngx_keystone_init_nodes(ngx_cycle_t *cycle, ngx_keystone_conf_t *kcf)
{
    char        *rv;
    size_t       i;
    ks_node_t    kn;

    if (kcf->nodes_for == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_array_init(&kcf->nodes, cycle->pool, 4,
                       sizeof(ngx_keystone_node_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; ks_config_node(kcf->config, i, &kn) == KS_OK; i++) {
        rv = ngx_keystone_add_node(cycle, kcf, &kn);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (i == 0) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "\"%s\" has no media server to send to; add \"srs_node "
                      "srs_a api=127.0.0.1:1985 rtmp=127.0.0.1:1935;\" to the "
                      "keystone block, or remove it in %s:%ui",
                      kcf->nodes_for, kcf->nodes_file, kcf->nodes_line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_keystone_add_node(ngx_cycle_t *cycle, ngx_keystone_conf_t *kcf,
    ks_node_t *kn)
{
    ngx_str_t             address;
    ngx_keystone_node_t  *node;

    node = ngx_array_push(&kcf->nodes);
    if (node == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(node, sizeof(ngx_keystone_node_t));

    /* both belong to kcf->config, which lives as long */

    ngx_keystone_to_ngx(&node->name, &kn->name);
    ngx_keystone_to_ngx(&address, &kn->rtmp);

    if (address.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "srs_node \"%V\" has no RTMP address, which \"%s\" in "
                      "%s:%ui needs; add rtmp=HOST:PORT to it",
                      &node->name, kcf->nodes_for, kcf->nodes_file,
                      kcf->nodes_line);
        return NGX_CONF_ERROR;
    }

    node->rtmp.url = address;

    if (ngx_parse_url(cycle->pool, &node->rtmp) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "%s in rtmp=%V of srs_node \"%V\"; write its numeric "
                      "address, or a name that is known on this host",
                      node->rtmp.err ? node->rtmp.err : "failure",
                      &address, &node->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
