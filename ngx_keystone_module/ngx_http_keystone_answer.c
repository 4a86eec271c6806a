
/*
 * An answer of the core on its way out: status, headers, body.
 */


#include <ngx_http_keystone.h>


static ngx_uint_t ngx_http_keystone_keep_challenge(ngx_http_request_t *r,
    const ks_header_t *header, ngx_uint_t copy);
static ngx_int_t ngx_http_keystone_set_header(ngx_http_request_t *r,
    const ks_header_t *header, ngx_uint_t copy);
static void ngx_http_keystone_drop_header(ngx_http_request_t *r,
    const ks_str_t *name);
static u_char *ngx_http_keystone_str(ngx_http_request_t *r, const ks_str_t *s,
    ngx_uint_t copy);


/* codes of the contract that nginx has no words for */

static const struct {
    ngx_uint_t   status;
    ngx_str_t    line;
} ngx_http_keystone_lines[] = {
    { 406, ngx_string("406 Not Acceptable") },
    { 413, ngx_string("413 Content Too Large") },
    { 422, ngx_string("422 Unprocessable Content") },
    { 428, ngx_string("428 Precondition Required") }
};


/*
 * The core's answer instead of anything of nginx: error_page is not applied.
 * Gives what ngx_http_finalize_request() takes.
 */

ngx_int_t
ngx_http_keystone_send_answer(ngx_http_keystone_ctx_t *ctx)
{
    ngx_int_t                rc;
    ngx_chain_t             *out;
    ngx_http_request_t      *r;
    const ks_http_answer_t  *answer;

    r = ctx->request;
    answer = ks_http_answer(ctx->http);

    if (answer == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->state = NGX_HTTP_KEYSTONE_ANSWERED;
    ctx->sent = 1;

    /*
     * As nginx does for its own errors: who waits for "100 Continue" is told
     * no, and what he may send nevertheless is not the next request.
     */

    if (!r->expect_tested && r->headers_in.expect) {
        r->keepalive = 0;
    }

    r->expect_tested = 1;

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

    if (ngx_http_keystone_set_answer(r, answer, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out = ngx_http_keystone_answer_body(r, answer, 0);
    if (out == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_output_filter(r, out);
}


/* all of headers_out that an answer decides; `copy`: it does not live on */

ngx_int_t
ngx_http_keystone_set_answer(ngx_http_request_t *r,
    const ks_http_answer_t *answer, ngx_uint_t copy)
{
    ngx_uint_t  i;

    r->headers_out.status = answer->status;
    r->headers_out.status_line.len = 0;

    for (i = 0;
         i < sizeof(ngx_http_keystone_lines)
             / sizeof(ngx_http_keystone_lines[0]);
         i++)
    {
        if (ngx_http_keystone_lines[i].status == answer->status) {
            r->headers_out.status_line = ngx_http_keystone_lines[i].line;
            break;
        }
    }

    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);
    ngx_http_clear_content_length(r);

    r->headers_out.content_type.len = 0;
    r->headers_out.content_type_len = 0;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.charset.len = 0;

    if (r->headers_out.content_encoding) {
        r->headers_out.content_encoding->hash = 0;
        r->headers_out.content_encoding = NULL;
    }

    if (answer->status != NGX_HTTP_NO_CONTENT
        && answer->status != NGX_HTTP_NOT_MODIFIED)
    {
        r->headers_out.content_length_n = (off_t) answer->body_len;
    }

    /*
     * Preconditions are the core's business: nginx would make a 412 of an
     * answer to a request with If-Match.
     */

    r->disable_not_modified = 1;
    r->allow_ranges = 0;

    return ngx_http_keystone_set_headers(r, answer, copy);
}


ngx_int_t
ngx_http_keystone_set_headers(ngx_http_request_t *r,
    const ks_http_answer_t *answer, ngx_uint_t copy)
{
    size_t              i;
    const ks_header_t  *h;

    h = answer->headers;

    /* all first, as a name may come twice in the answer itself */

    for (i = 0; i < answer->nheaders; i++) {

        if (!ngx_http_keystone_keep_challenge(r, &h[i], copy)) {
            ngx_http_keystone_drop_header(r, &h[i].name);
        }
    }

    for (i = 0; i < answer->nheaders; i++) {

        if (ngx_http_keystone_keep_challenge(r, &h[i], copy)) {
            continue;
        }

        if (ngx_http_keystone_set_header(r, &h[i], copy) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* an error of nginx that has its own one, of auth_basic for instance */

static ngx_uint_t
ngx_http_keystone_keep_challenge(ngx_http_request_t *r,
    const ks_header_t *header, ngx_uint_t copy)
{
    return copy
           && r->headers_out.www_authenticate
           && header->name.len == sizeof("WWW-Authenticate") - 1
           && ngx_strncasecmp((u_char *) header->name.data,
                              (u_char *) "WWW-Authenticate", header->name.len)
              == 0;
}


static ngx_int_t
ngx_http_keystone_set_header(ngx_http_request_t *r, const ks_header_t *header,
    ngx_uint_t copy)
{
    u_char           *value;
    ngx_table_elt_t  *h;

    value = ngx_http_keystone_str(r, &header->value, copy);
    if (value == NULL) {
        return NGX_ERROR;
    }

    if (header->name.len == sizeof("Content-Type") - 1
        && ngx_strncasecmp((u_char *) header->name.data,
                           (u_char *) "Content-Type", header->name.len)
           == 0)
    {
        r->headers_out.content_type.data = value;
        r->headers_out.content_type.len = header->value.len;
        r->headers_out.content_type_len = header->value.len;
        r->headers_out.content_type_lowcase = NULL;
        return NGX_OK;
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key.data = ngx_http_keystone_str(r, &header->name, copy);
    if (h->key.data == NULL) {
        return NGX_ERROR;
    }

    h->key.len = header->name.len;
    h->value.data = value;
    h->value.len = header->value.len;
    h->hash = 1;

    /*
     * headers_out.location stays empty on purpose: nginx would make a
     * relative one absolute, with the name of its server.
     */

    if (header->name.len == sizeof("ETag") - 1
        && ngx_strncasecmp((u_char *) header->name.data, (u_char *) "ETag",
                           header->name.len)
           == 0)
    {
        r->headers_out.etag = h;
    }

    return NGX_OK;
}


/* by its name, or by how that starts; without case */

ngx_table_elt_t *
ngx_http_keystone_find_header(ngx_http_request_t *r, const u_char *name,
    size_t len, ngx_uint_t prefix)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_out.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NULL;
            }

            part = part->next;
            h = part->elts;
            i = 0;

            if (part->nelts == 0) {
                return NULL;
            }
        }

        if (h[i].hash
            && (prefix ? h[i].key.len >= len : h[i].key.len == len)
            && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
        {
            return &h[i];
        }
    }
}


/* what stands there already under the name, from the upstream for instance */

static void
ngx_http_keystone_drop_header(ngx_http_request_t *r, const ks_str_t *name)
{
    ngx_table_elt_t  *h;

    for ( ;; ) {
        h = ngx_http_keystone_find_header(r, (u_char *) name->data, name->len,
                                          0);
        if (h == NULL) {
            return;
        }

        h->hash = 0;
    }
}


static u_char *
ngx_http_keystone_str(ngx_http_request_t *r, const ks_str_t *s,
    ngx_uint_t copy)
{
    u_char  *p;

    if (!copy) {
        return s->data ? (u_char *) s->data : (u_char *) "";
    }

    p = ngx_pnalloc(r->pool, s->len + 1);
    if (p == NULL) {
        return NULL;
    }

    *ngx_cpymem(p, s->data, s->len) = '\0';

    return p;
}


/* one last buffer; without `copy` the memory is the core's until its free */

ngx_chain_t *
ngx_http_keystone_answer_body(ngx_http_request_t *r,
    const ks_http_answer_t *answer, ngx_uint_t copy)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NULL;
    }

    if (answer->body.len) {
        b->pos = ngx_http_keystone_str(r, &answer->body, copy);
        if (b->pos == NULL) {
            return NULL;
        }

        b->last = b->pos + answer->body.len;
        b->memory = 1;
    }

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NULL;
    }

    cl->buf = b;
    cl->next = NULL;

    return cl;
}
