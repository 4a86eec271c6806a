
/*
 * Variables.  They change with the access phase: nothing is cached, and the
 * text is the core's own memory, which lives until after the access log.
 */


#include <ngx_http_keystone.h>


static ngx_int_t ngx_http_keystone_log_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_keystone_pass_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_keystone_set_variable(ngx_http_variable_value_t *v,
    const ks_str_t *s);


static ngx_http_variable_t  ngx_http_keystone_vars[] = {

    { ngx_string("keystone_stream"), NULL, ngx_http_keystone_log_variable,
      offsetof(ks_http_log_t, stream), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keystone_session"), NULL, ngx_http_keystone_log_variable,
      offsetof(ks_http_log_t, session), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keystone_user"), NULL, ngx_http_keystone_log_variable,
      offsetof(ks_http_log_t, user), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keystone_decision"), NULL, ngx_http_keystone_log_variable,
      offsetof(ks_http_log_t, decision), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keystone_request_id"), NULL, ngx_http_keystone_log_variable,
      offsetof(ks_http_log_t, request_id), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keystone_node"), NULL, ngx_http_keystone_pass_variable,
      offsetof(ks_http_pass_t, node), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("keystone_upstream_uri"), NULL,
      ngx_http_keystone_pass_variable,
      offsetof(ks_http_pass_t, upstream_uri), NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_keystone_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_keystone_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_keystone_log_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const ks_http_log_t      *log;
    ngx_http_keystone_ctx_t  *ctx;

    ctx = ngx_http_keystone_get_ctx(r->main);

    log = (ctx && ctx->http) ? ks_http_log(ctx->http) : NULL;

    ngx_http_keystone_set_variable(v,
                        log ? (const ks_str_t *) ((char *) log + data) : NULL);

    return NGX_OK;
}


static ngx_int_t
ngx_http_keystone_pass_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    const ks_http_pass_t     *pass;
    ngx_http_keystone_ctx_t  *ctx;

    ctx = ngx_http_keystone_get_ctx(r->main);

    pass = (ctx && ctx->http && ctx->state == NGX_HTTP_KEYSTONE_PASSED)
           ? ks_http_pass(ctx->http) : NULL;

    ngx_http_keystone_set_variable(v,
                      pass ? (const ks_str_t *) ((char *) pass + data) : NULL);

    return NGX_OK;
}


static void
ngx_http_keystone_set_variable(ngx_http_variable_value_t *v, const ks_str_t *s)
{
    if (s == NULL || s->len == 0) {
        v->not_found = 1;
        return;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = s->len;
    v->data = (u_char *) s->data;
}
