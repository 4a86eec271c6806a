
/*
 * No token in a log.  nginx writes the request line into error.log (and
 * $request into access.log); play tokens come in the query, or in the path as
 * /live/t/{token}/..., and stream keys in the query.  In gated locations the
 * line is made anew without them, before anything else may log it, and the
 * path is masked unless the gate passes and gives a new one.
 */


#include <ngx_http_keystone.h>


static ngx_int_t ngx_http_keystone_hide(ngx_pool_t *pool, ngx_str_t *s);
static u_char *ngx_http_keystone_find(u_char *p, u_char *last);


/*
 * The server rewrite phase: before nginx looks for the location, and logs the
 * line of a request whose body it finds too large.  Whatever looks like a key
 * or token of ours goes, wherever it stands.
 */

ngx_int_t
ngx_http_keystone_redact_line_handler(ngx_http_request_t *r)
{
    if (ngx_http_keystone_hide(r->pool, &r->request_line) == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/* the rewrite phase: the first one that knows the location */

ngx_int_t
ngx_http_keystone_redact_handler(ngx_http_request_t *r)
{
    u_char                        *p;
    size_t                         len;
    ngx_str_t                      uri;
    ngx_http_keystone_loc_conf_t  *klcf;

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keystone_module);

    if (klcf->room == NGX_HTTP_KEYSTONE_OFF || r->internal) {
        return NGX_DECLINED;
    }

    uri = r->uri;

    switch (ngx_http_keystone_mask(r, klcf, &uri)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:

        if (r->args.len == 0) {
            return NGX_DECLINED;
        }

        break;

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* method, path, "?-" for any query, protocol */

    len = r->method_name.len + 1 + uri.len + 2 + 1 + r->http_protocol.len;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->request_line.data = p;

    p = ngx_cpymem(p, r->method_name.data, r->method_name.len);
    *p++ = ' ';
    p = ngx_cpymem(p, uri.data, uri.len);

    if (r->args.len) {
        *p++ = '?';
        *p++ = '-';
    }

    *p++ = ' ';
    p = ngx_cpymem(p, r->http_protocol.data, r->http_protocol.len);

    r->request_line.len = p - r->request_line.data;

    return NGX_DECLINED;
}


/* after the core has its copy of the path */

ngx_int_t
ngx_http_keystone_redact_uri(ngx_http_keystone_ctx_t *ctx,
    ngx_http_keystone_loc_conf_t *klcf)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    ctx->uri = r->uri;

    if (ngx_http_keystone_mask(r, klcf, &r->uri) == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_http_keystone_hide(r->pool, &r->uri);
}


/*
 * Once the gate has passed, the token has done its work: neither an upstream
 * nor a cache key made of $args gets it.
 */

void
ngx_http_keystone_redact_args(ngx_http_request_t *r)
{
    size_t   len;
    u_char  *p, *arg, *last, *end;

    end = r->args.data + r->args.len;

    for (arg = r->args.data; arg < end; arg = last + 1) {

        last = memchr(arg, '&', end - arg);
        if (last == NULL) {
            last = end;
        }

        if (last - arg >= 6 && ngx_strncmp(arg, "token=", 6) == 0) {
            break;
        }
    }

    if (arg >= end) {
        return;
    }

    if (last < end) {
        /* "token=x&" */
        last++;

    } else if (arg > r->args.data) {
        /* "&token=x" */
        arg--;
    }

    len = r->args.len - (last - arg);

    p = NULL;

    if (len) {
        p = ngx_pnalloc(r->pool, len);
        if (p == NULL) {
            len = 0;

        } else {
            ngx_memcpy(ngx_cpymem(p, r->args.data, arg - r->args.data), last,
                       end - last);
        }
    }

    r->args.data = p;
    r->args.len = len;

    r->valid_unparsed_uri = 0;
}


/*
 * "ks_pub_..." and "ks_play_..." become "ks_pub_-" and "ks_play_-".
 * NGX_DECLINED: there is none, and the string is left alone.
 */

static ngx_int_t
ngx_http_keystone_hide(ngx_pool_t *pool, ngx_str_t *s)
{
    u_char  *p, *out, *from, *token, *last;

    from = s->data;
    last = s->data + s->len;

    token = ngx_http_keystone_find(from, last);
    if (token == NULL) {
        return NGX_DECLINED;
    }

    /* a token is longer than what stands for it */

    p = ngx_pnalloc(pool, s->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out = p;

    do {
        out = ngx_cpymem(out, from, token - from);

        from = token;

        while (from < last
               && ((*from >= '0' && *from <= '9')
                   || (*from >= 'A' && *from <= 'Z')
                   || (*from >= 'a' && *from <= 'z')))
        {
            from++;
        }

        if (from > token) {
            *out++ = '-';
        }

        token = ngx_http_keystone_find(from, last);

    } while (token);

    out = ngx_cpymem(out, from, last - from);

    s->data = p;
    s->len = out - p;

    return NGX_OK;
}


/* what follows the next "ks_pub_" or "ks_play_" */

static u_char *
ngx_http_keystone_find(u_char *p, u_char *last)
{
    for ( ;; ) {
        p = memchr(p, 'k', last - p);

        if (p == NULL || last - p < 8) {
            return NULL;
        }

        if (p[1] == 's' && p[2] == '_' && p[3] == 'p') {

            if (ngx_memcmp(p, "ks_pub_", 7) == 0) {
                return p + 7;
            }

            if (ngx_memcmp(p, "ks_play_", 8) == 0) {
                return p + 8;
            }
        }

        p++;
    }
}


/* NGX_DECLINED: there is no token in the path, and it is left alone */

ngx_int_t
ngx_http_keystone_mask(ngx_http_request_t *r,
    ngx_http_keystone_loc_conf_t *klcf, ngx_str_t *uri)
{
    u_char  *p, *token, *rest, *last;

    if (klcf->room != KS_ROOM_HLS || uri->len < klcf->prefix_len + 2) {
        return NGX_DECLINED;
    }

    token = uri->data + klcf->prefix_len;
    last = uri->data + uri->len;

    if (*token == '/') {
        token++;
    }

    if (last - token < 2 || token[0] != 't' || token[1] != '/') {
        return NGX_DECLINED;
    }

    token += 2;

    /* memchr() and not ngx_strlchr(): every private segment comes here */

    rest = memchr(token, '/', last - token);
    if (rest == NULL) {
        rest = last;
    }

    p = ngx_pnalloc(r->pool, (token - uri->data) + 1 + (last - rest));
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_cpymem(ngx_cpymem(p, uri->data, token - uri->data), "-", 1);
    last = ngx_cpymem(last, rest, uri->data + uri->len - rest);

    uri->data = p;
    uri->len = last - p;

    return NGX_OK;
}
